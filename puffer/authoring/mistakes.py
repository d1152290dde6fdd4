"""Mistakes in the source of a native environment that Cython compiles without a word.

A method with a wrong name, or written with `def`, is never called, and an array that nothing sets is no memory at all.
Both show in the declarations, so a build refuses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from Cython.Compiler import Errors, ExprNodes, Main, Nodes, Scanning, Symtab

from puffer.authoring import contract
from puffer.errors import BuildError

# How alike two names are: those of the method that there must be, and those of any.
_SIMILAR = 0.6
_NEARLY_EQUAL = 0.8


def refuse_mistakes(source: str | Path) -> None:
    """Raise BuildError, with every mistake and its line, for an environment whose methods or fields are wrong."""
    tree = _parsed(Path(source))
    if tree is None:
        return
    found = sorted(_mistakes(tree))
    if found:
        name = Path(source).name
        lines = [f"{name}:{line}: {text}" for line, text in found]
        if any("\n    cdef " in text for _, text in found):
            lines.append(f"The methods of an environment are {', '.join(contract.methods())}.")
        raise BuildError("\n".join(lines))


def _parsed(source: Path) -> Any:
    """The tree of a source as Cython parses it, before it looks at types; None if it does not parse."""
    context = Main.Context.from_options(Main.CompilationOptions(language_level=3))
    scope = Symtab.ModuleScope(source.stem, None, context)
    Errors.init_thread()
    try:
        with Errors.local_errors(ignore=True) as errors:
            tree = context.parse(Scanning.FileSourceDescriptor(str(source)), scope, False, source.stem)
            return None if errors else tree
    except Errors.CompileError:
        # The compilation says it better.
        return None


def _mistakes(tree: Any) -> Iterator[tuple[int, str]]:
    nodes = list(_nodes(tree))
    classes = [node for node in nodes if isinstance(node, (Nodes.CClassDefNode, Nodes.PyClassDefNode))]
    environments: set[str] = {"Env"}
    for cls in classes:
        bases = _base_names(cls)
        if not environments & bases:
            continue
        environments.add(_class_name(cls))
        if isinstance(cls, Nodes.PyClassDefNode):
            yield from _python_methods(cls, "is in a class that is not a cdef class")
            continue
        yield from _python_methods(cls, "is written with def, so it is never called")
        yield from _misspelt(cls, is_whole="Env" in bases)
        yield from _unset(cls, nodes)


def _python_methods(cls: Any, reason: str) -> Iterator[tuple[int, str]]:
    for name, node in _methods(cls):
        if isinstance(node, Nodes.DefNode) and name in contract.methods():
            yield node.pos[1], f"{name} {reason}; write\n    {contract.methods()[name]}"


def _misspelt(cls: Any, is_whole: bool) -> Iterator[tuple[int, str]]:
    """Names that are nearly those of the contract; `is_whole`: no other class in between writes methods."""
    written = dict(_methods(cls))
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
            text = f"{_class_name(cls)} has {other}, which is never called, and no step_one; write"
            yield written[other].pos[1], f"{text}\n    {free['step_one']}"
    for name, line in _class_variables(cls):
        likeness, other = _nearest(name, contract.attributes())
        if name not in contract.attributes() and likeness >= _NEARLY_EQUAL:
            yield line, f"{name} is no class attribute of an environment; write {other}"


def _unset(cls: Any, nodes: list[Any]) -> Iterator[tuple[int, str]]:
    """Views and pointers that some method uses and none sets."""
    targets = [target for node in nodes for target in _targets(node)]
    is_set = {target.attribute for target in targets if isinstance(target, ExprNodes.AttributeNode)}
    is_used = {node.attribute for node in nodes if isinstance(node, ExprNodes.AttributeNode)}
    for node in _body(cls):
        if not isinstance(node, Nodes.CVarDefNode):
            continue
        for declarator in node.declarators:
            is_view = isinstance(node.base_type, Nodes.MemoryViewSliceTypeNode)
            is_pointer = isinstance(declarator, Nodes.CPtrDeclaratorNode)
            name = _declared(declarator)
            if (is_view or is_pointer) and name in is_used and name not in is_set:
                yield node.pos[1], _unset_text(name, is_view)


def _unset_text(name: str, is_view: bool) -> str:
    kind, value = "pointer", "<...>self.new_state(...)"
    if is_view:
        kind, value = "view", f"self.buffers.{'actions' if name == 'actions' else 'observations'}"
    return f"nothing sets the {kind} {name}; after super().__init__(...) write\n    self.{name} = {value}"


# ---- Trees ----


def _nodes(node: Any) -> Iterator[Any]:
    """A node and all below it."""
    yield node
    for name in node.child_attrs or ():
        child = getattr(node, name, None)
        for one in child if isinstance(child, (list, tuple)) else [child]:
            if one is not None:
                yield from _nodes(one)


def _targets(node: Any) -> Iterator[Any]:
    """What a node sets, or takes the address of."""
    if isinstance(node, Nodes.SingleAssignmentNode):
        waiting = [node.lhs]
    elif isinstance(node, Nodes.CascadedAssignmentNode):
        waiting = list(node.lhs_list)
    elif isinstance(node, ExprNodes.AmpersandNode):
        waiting = [node.operand]
    else:
        return
    while waiting:
        target = waiting.pop()
        waiting += getattr(target, "args", None) or []
        yield target


def _body(cls: Any) -> list[Any]:
    body = cls.body
    return list(body.stats) if isinstance(body, Nodes.StatListNode) else [body]


def _base_names(cls: Any) -> set[str]:
    bases = cls.bases.args if cls.bases is not None else []
    return {getattr(base, "name", None) or getattr(base, "attribute", "") for base in bases}


def _class_name(cls: Any) -> str:
    return cls.class_name if isinstance(cls, Nodes.CClassDefNode) else cls.name


def _methods(cls: Any) -> Iterator[tuple[str, Any]]:
    """The names and nodes of the methods of a class; a property counts as one."""
    for node in _body(cls):
        if isinstance(node, Nodes.DefNode):
            yield node.name, node
        elif isinstance(node, Nodes.CFuncDefNode):
            yield _declared(node.declarator), node


def _declared(declarator: Any) -> str:
    """The name in a declarator, behind its pointers, arguments and dimensions."""
    while not isinstance(declarator, Nodes.CNameDeclaratorNode):
        declarator = declarator.base
    return declarator.name


def _class_variables(cls: Any) -> Iterator[tuple[str, int]]:
    for node in _body(cls):
        if isinstance(node, Nodes.SingleAssignmentNode) and isinstance(node.lhs, ExprNodes.NameNode):
            yield node.lhs.name, node.pos[1]
        elif isinstance(node, Nodes.DefNode) and node.decorators:
            yield node.name, node.pos[1]


def _nearest(name: str, names: Iterable[str]) -> tuple[float, str]:
    return max(((_likeness(name, other), other) for other in names), default=(0.0, ""))


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
