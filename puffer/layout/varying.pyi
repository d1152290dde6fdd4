from collections.abc import Callable
from typing import Any

from typing_extensions import Self, disjoint_base

from puffer.layout.rows import LeafNode, Node

@disjoint_base
class TextNode(Node):
    def __new__(cls, path: str, characters: LeafNode, length: LeafNode) -> Self: ...

@disjoint_base
class OneOfNode(Node):
    def __new__(cls, path: str, which: LeafNode, alternatives: tuple[Node, ...]) -> Self: ...

@disjoint_base
class SequenceNode(Node):
    def __new__(
        cls,
        path: str,
        item: Node,
        length: LeafNode,
        max_length: int,
        stack: Callable[[list[Any]], Any] | None = None,
        unstack: Callable[[Any], list[Any]] | None = None,
    ) -> Self: ...
    @property
    def max_length(self) -> int: ...

@disjoint_base
class GraphNode(Node):
    def __new__(
        cls,
        path: str,
        instance: Callable[[Any, Any, Any], Any],
        nodes: SequenceNode,
        edges: SequenceNode | None,
        links: LeafNode | None,
    ) -> Self: ...
