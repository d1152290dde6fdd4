"""Adapters: each drives one copy of an environment, of Gymnasium, PettingZoo or `PufferEnv`, into its rows."""
