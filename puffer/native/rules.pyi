from typing_extensions import disjoint_base

@disjoint_base
class Rules:
    num_copies: int
    agents_per_env: int
    num_agents: int
    max_steps: int
