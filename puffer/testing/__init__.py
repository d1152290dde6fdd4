"""Tests for authors of environments.

`check_env` finds mistakes, `assert_same_env` compares two versions of an environment, `record_trace` and `replay_trace`
notice changes of its behaviour, and `action_sequences` generates legal actions for Hypothesis.
"""

from puffer.checking import check_env
from puffer.testing.sameness import assert_same_env
from puffer.testing.strategies import action_sequences
from puffer.testing.traces import record_trace, replay_trace

__all__ = ["action_sequences", "assert_same_env", "check_env", "record_trace", "replay_trace"]
