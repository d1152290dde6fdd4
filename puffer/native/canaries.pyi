from typing_extensions import disjoint_base

from puffer.native.rules import Rules

@disjoint_base
class Canaries:
    def __init__(self, rules: Rules) -> None: ...
    def damages(self) -> list[str]: ...
