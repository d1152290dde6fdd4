"""The source of an environment as Cython parses it, before it looks at types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from Cython.Compiler import Errors, ExprNodes, Main, Nodes, Scanning, Symtab


def parsed(source: Path) -> Any:
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


def nodes(node: Any) -> Iterator[Any]:
    """A node and all below it."""
    yield node
    for name in node.child_attrs or ():
        child = getattr(node, name, None)
        for one in child if isinstance(child, (list, tuple)) else [child]:
            if one is not None:
                yield from nodes(one)


def targets(node: Any, with_addresses: bool = True) -> Iterator[Any]:
    """What a node sets, or takes the address of."""
    if isinstance(node, (Nodes.SingleAssignmentNode, Nodes.InPlaceAssignmentNode)):
        waiting = [node.lhs]
    elif isinstance(node, Nodes.CascadedAssignmentNode):
        waiting = list(node.lhs_list)
    elif with_addresses and isinstance(node, ExprNodes.AmpersandNode):
        waiting = [node.operand]
    else:
        return
    while waiting:
        target = waiting.pop()
        waiting += getattr(target, "args", None) or []
        yield target


def body(cls: Any) -> list[Any]:
    body = cls.body
    return list(body.stats) if isinstance(body, Nodes.StatListNode) else [body]


def base_names(cls: Any) -> set[str]:
    bases = cls.bases.args if cls.bases is not None else []
    return {getattr(base, "name", None) or getattr(base, "attribute", "") for base in bases}


def class_name(cls: Any) -> str:
    return cls.class_name if isinstance(cls, Nodes.CClassDefNode) else cls.name


def methods(cls: Any) -> Iterator[tuple[str, Any]]:
    """The names and nodes of the methods of a class; a property counts as one."""
    for node in body(cls):
        if isinstance(node, Nodes.DefNode):
            yield node.name, node
        elif isinstance(node, Nodes.CFuncDefNode):
            yield declared(node.declarator), node


def declared(declarator: Any) -> str:
    """The name in a declarator, behind its pointers, arguments and dimensions."""
    while not isinstance(declarator, Nodes.CNameDeclaratorNode):
        declarator = declarator.base
    return declarator.name


def class_variables(cls: Any) -> Iterator[tuple[str, int]]:
    for node in body(cls):
        if isinstance(node, Nodes.SingleAssignmentNode) and isinstance(node.lhs, ExprNodes.NameNode):
            yield node.lhs.name, node.pos[1]
        elif isinstance(node, Nodes.DefNode) and node.decorators:
            yield node.name, node.pos[1]


def functions(tree: Any) -> Iterator[Any]:
    """The C functions of a module, outside of its classes."""
    return (node for node in _outside_of_classes(tree) if isinstance(node, Nodes.CFuncDefNode))


def module_variables(tree: Any) -> set[str]:
    """The names of the C variables of a module."""
    return {name for node in _outside_of_classes(tree) for name, _ in _variables(node)}


def plain_fields(cls: Any) -> set[str]:
    """The names of the C fields of a class that are not views or pointers."""
    return {
        name
        for node in body(cls)
        for name, declarator in _variables(node)
        if not isinstance(node.base_type, Nodes.MemoryViewSliceTypeNode)
        and not isinstance(declarator, Nodes.CPtrDeclaratorNode)
    }


def local_names(function: Any) -> set[str]:
    """The names that belong to a function: its arguments, and what it declares or sets without `global`."""
    shared = {name for node in nodes(function.body) if isinstance(node, Nodes.GlobalNode) for name in node.names}
    own = {name for node in nodes(function.body) for name, _ in _variables(node)}
    own |= {declared(argument.declarator) for argument in _signature(function).args}
    # What is added to has a value from elsewhere.
    for node in (node for node in nodes(function.body) if not isinstance(node, Nodes.InPlaceAssignmentNode)):
        own |= {target.name for target in targets(node) if isinstance(target, ExprNodes.NameNode)} - shared
    return own


def is_nogil(function: Any) -> bool:
    """Whether a function runs without the GIL."""
    return isinstance(function, Nodes.CFuncDefNode) and bool(_signature(function).nogil)


def cimported(tree: Any) -> dict[str, str]:
    """The names that a source cimports from other modules, with the modules."""
    return {
        alias or name: node.module_name
        for node in nodes(tree)
        if isinstance(node, Nodes.FromCImportStatNode)
        for _, name, alias in node.imported_names
    }


def type_name(base_type: Any) -> str:
    """The name of a type, "" for one that has none of its own."""
    return getattr(base_type, "name", None) or ""


def sizes(node: Any) -> list[str]:
    """The names of the types whose `sizeof` an expression has; "a pointer" for those of pointers."""
    found = []
    for one in nodes(node):
        if isinstance(one, ExprNodes.SizeofTypeNode):
            is_pointer = isinstance(one.declarator, Nodes.CPtrDeclaratorNode)
            found.append("a pointer" if is_pointer else type_name(one.base_type))
        elif isinstance(one, ExprNodes.SizeofVarNode):
            found.append(getattr(one.operand, "name", ""))
    return found


def _outside_of_classes(tree: Any) -> Iterator[Any]:
    waiting = [tree.body]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Nodes.StatListNode):
            waiting += node.stats


def _variables(node: Any) -> Iterator[tuple[str, Any]]:
    """The names that a node declares, with their declarators."""
    if isinstance(node, Nodes.CVarDefNode):
        for declarator in node.declarators:
            yield declared(declarator), declarator


def _signature(function: Any) -> Any:
    """The declarator of a C function that has its arguments, behind those of what it returns."""
    declarator = function.declarator
    while not isinstance(declarator, Nodes.CFuncDeclaratorNode):
        declarator = declarator.base
    return declarator
