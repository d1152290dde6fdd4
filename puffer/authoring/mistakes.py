"""Mistakes in the source of a native environment that Cython compiles without a word.

A method with a wrong name, or written with `def`, is never called, and an array that nothing sets is no memory at all.
Both show in the declarations, so a build refuses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from Cython.Compiler import ExprNodes, Nodes

from puffer.authoring import contract, misuse, trees
from puffer.errors import BuildError

# How alike two names are: those of the method that there must be, and those of any.
_SIMILAR = 0.6
_NEARLY_EQUAL = 0.8

# Methods, and the attribute of the class without which they are not called.
_HALVES = {
    "write_action_masks": ("masks_actions", "masks_actions = True"),
    "ansi_one": ("render_modes", 'render_modes = ("rgb_array", "ansi")'),
    "row_infos": ("row_info_names", 'row_info_names = ("...",)'),
}


def refuse_mistakes(source: str | Path) -> None:
    """Raise BuildError, with every mistake and its line, for an environment whose methods or fields are wrong."""
    tree = trees.parsed(Path(source))
    if tree is None:
        return
    found = sorted(_mistakes(tree))
    if found:
        name = Path(source).name
        lines = [f"{name}:{line}: {text}" for line, text in found]
        if any("\n    cdef " in text for _, text in found):
            lines.append(f"The methods of an environment are {', '.join(contract.methods())}.")
        raise BuildError("\n".join(lines))


def _mistakes(tree: Any) -> Iterator[tuple[int, str]]:
    nodes = list(trees.nodes(tree))
    classes = [node for node in nodes if isinstance(node, (Nodes.CClassDefNode, Nodes.PyClassDefNode))]
    environments: set[str] = {"Env"}
    for cls in classes:
        bases = trees.base_names(cls)
        if not environments & bases:
            continue
        environments.add(trees.class_name(cls))
        if isinstance(cls, Nodes.PyClassDefNode):
            yield from _python_methods(cls, "is in a class that is not a cdef class")
            continue
        yield from _python_methods(cls, "is written with def, so it is never called")
        yield from _misspelt(cls, is_whole="Env" in bases)
        yield from _unset(cls, nodes)
        if "Env" in bases:
            yield from _halves(cls)
        yield from misuse.shared_by_copies(cls, tree)
        for _, method in trees.methods(cls):
            yield from misuse.foreign_random_numbers(method, tree)
    if len(environments) > 1:
        for function in trees.functions(tree):
            yield from misuse.foreign_random_numbers(function, tree)
        yield from misuse.wrong_sizes(tree)


def _python_methods(cls: Any, reason: str) -> Iterator[tuple[int, str]]:
    for name, node in trees.methods(cls):
        if isinstance(node, Nodes.DefNode) and name in contract.methods():
            yield node.pos[1], f"{name} {reason}; write\n    {contract.methods()[name]}"


def _misspelt(cls: Any, is_whole: bool) -> Iterator[tuple[int, str]]:
    """Names that are nearly those of the contract; `is_whole`: no other class in between writes methods."""
    written = dict(trees.methods(cls))
    free = {name: declaration for name, declaration in contract.methods().items() if name not in written}
    lacks_step = is_whole and not written.keys() & set(contract.STEPS)
    near = None
    for name, node in written.items():
        if name in contract.methods() or name.startswith("__"):
            continue
        likeness, other = _nearest(name, [*free, *(name for name in contract.PYTHON_METHODS if name not in written)])
        if likeness >= _NEARLY_EQUAL and name != f"{other}s":
            near = other
            wanted = f"write\n    {free[other]}" if other in free else f"write {other}"
            yield (
                node.pos[1],
                f"{name} is no method of an environment, so it is never called. If you mean {other}, {wanted}\n    "
                "and otherwise give it a name that is less alike",
            )
    if lacks_step and near not in contract.STEPS:
        # A class for others to derive from may have none, so that alone is no mistake.
        likeness, other = _nearest("step_one", written.keys() - contract.methods().keys())
        if likeness >= _SIMILAR:
            text = f"{trees.class_name(cls)} has {other}, which is never called, and no step_one; write"
            yield written[other].pos[1], f"{text}\n    {free['step_one']}"
    for name, line in trees.class_variables(cls):
        likeness, other = _nearest(name, contract.attributes())
        if name not in contract.attributes() and likeness >= _NEARLY_EQUAL:
            yield line, f"{name} is no class attribute of an environment; write {other}"


def _halves(cls: Any) -> Iterator[tuple[int, str]]:
    """Methods that are called only where an attribute says so, without it; and the attribute without them."""
    written, attributes = dict(trees.methods(cls)), dict(trees.class_variables(cls))
    for method, (attribute, line) in _HALVES.items():
        if method in written and attribute not in attributes:
            yield written[method].pos[1], f"{method} is called where the class says so; write\n    {line}"
    if "masks_actions" in attributes and "write_action_masks" not in written:
        line = contract.methods()["write_action_masks"]
        yield attributes["masks_actions"], f"masks_actions needs the method that marks legal actions; write\n    {line}"


def _unset(cls: Any, nodes: list[Any]) -> Iterator[tuple[int, str]]:
    """Views and pointers that some method uses and none sets."""
    targets = [target for node in nodes for target in trees.targets(node)]
    is_set = {target.attribute for target in targets if isinstance(target, ExprNodes.AttributeNode)}
    is_used = {node.attribute for node in nodes if isinstance(node, ExprNodes.AttributeNode)}
    for node in trees.body(cls):
        if not isinstance(node, Nodes.CVarDefNode):
            continue
        for declarator in node.declarators:
            is_view = isinstance(node.base_type, Nodes.MemoryViewSliceTypeNode)
            is_pointer = isinstance(declarator, Nodes.CPtrDeclaratorNode)
            name = trees.declared(declarator)
            if (is_view or is_pointer) and name in is_used and name not in is_set:
                yield node.pos[1], _unset_text(name, is_view)


def _unset_text(name: str, is_view: bool) -> str:
    kind, value = "pointer", "<...>self.new_state(...)"
    if is_view:
        kind, value = "view", f"self.buffers.{'actions' if name == 'actions' else 'observations'}"
    return f"nothing sets the {kind} {name}; after super().__init__(...) write\n    self.{name} = {value}"


def _nearest(name: str, names: Iterable[str]) -> tuple[float, str]:
    return max(((_likeness(name, other), other) for other in names), default=(0.0, ""))


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
