"""What a method that steps copies may not touch: whatever belongs to all of them, and random numbers of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from Cython.Compiler import ExprNodes

from puffer.authoring import contract, trees

_KEEP = "keep it in the state of each copy, the memory from new_state"
_STREAM = (
    "draw from the stream of the copy, as in rng_below(&self.rng[i], bound) or rng_uniform(&self.rng[i], low, high)"
)
_RANDOM = "{0}() gives numbers that neither seeds nor snapshots determine; " + _STREAM
_CLOCK = "{0}() makes results depend on the clock; count steps in the state, or " + _STREAM
_FORBIDDEN = {
    **dict.fromkeys(("rand", "random", "srand", "srandom", "drand48", "lrand48", "mrand48"), _RANDOM),
    **dict.fromkeys(("time", "clock", "clock_gettime", "gettimeofday"), _CLOCK),
}
# Fields of the base class that are there to be read.
_READ_ONLY = {
    "masks": "an agent leaves the episode by self.terminations[row] = True",
    "elapsed": "count steps of your own in the state of the copy",
    "max_steps": "end an episode early by self.truncations[row] = True",
}
_C_LIBRARIES = ("libc", "posix")


def shared_by_copies(cls: Any, tree: Any) -> Iterator[tuple[int, str]]:
    """Lines where the methods that threads run, on several copies at the same time, change what all copies share.

    `load_one` runs alone, and may note what a snapshot had.
    """
    fields, variables = trees.plain_fields(cls), trees.module_variables(tree)
    for method in _threaded(dict(trees.methods(cls))):
        own = trees.local_names(method)
        for node in trees.nodes(method.body):
            for target in trees.targets(node, with_addresses=False):
                while isinstance(target, ExprNodes.IndexNode):
                    target = target.base
                if _is_of_self(target) and target.attribute in fields:
                    yield node.pos[1], f"self.{target.attribute} is one field for all copies; {_KEEP}"
                elif _is_of_self(target) and target.attribute in _READ_ONLY:
                    name = target.attribute
                    yield node.pos[1], f"self.{name} is the base class's, to be read; {_READ_ONLY[name]}"
                elif getattr(target, "name", None) in variables - own:
                    yield node.pos[1], f"{target.name} is one variable for all copies, on all threads; {_KEEP}"


def _threaded(methods: dict[str, Any]) -> list[Any]:
    """The methods without the GIL that the base class calls on threads, and those that they call."""
    waiting = [name for name in contract.methods() if name != "load_one"]
    found: dict[str, Any] = {}
    while waiting:
        name = waiting.pop()
        if name in found or not trees.is_nogil(methods.get(name)):
            continue
        found[name] = methods[name]
        waiting += [node.attribute for node in trees.nodes(methods[name].body) if _is_of_self(node)]
    return list(found.values())


def foreign_random_numbers(function: Any, tree: Any) -> Iterator[tuple[int, str]]:
    """Lines where a function that runs without the GIL draws from elsewhere than the stream of the copy."""
    if not trees.is_nogil(function):
        return
    foreign = {name for name, library in trees.cimported(tree).items() if library.split(".")[0] in _C_LIBRARIES}
    for node in trees.nodes(function.body):
        if isinstance(node, ExprNodes.SimpleCallNode) and isinstance(node.function, ExprNodes.NameNode):
            name = node.function.name
            if name in foreign and name in _FORBIDDEN:
                yield node.pos[1], _FORBIDDEN[name].format(name)


def wrong_sizes(tree: Any) -> Iterator[tuple[int, str]]:
    """Lines where the memory of a struct is asked for with the size of another type."""
    for node in trees.nodes(tree):
        if not isinstance(node, ExprNodes.TypecastNode) or not _is_new_state(node.operand):
            continue
        wanted = trees.type_name(node.base_type)
        sizes = [size for argument in node.operand.args for size in trees.sizes(argument)]
        if wanted and sizes and wanted not in sizes:
            text = f"the memory is used as {wanted}, and new_state is given the size of {sizes[0]}"
            yield node.pos[1], f"{text}; write sizeof({wanted})"


def _is_of_self(node: Any) -> bool:
    return (
        isinstance(node, ExprNodes.AttributeNode)
        and isinstance(node.obj, ExprNodes.NameNode)
        and node.obj.name == "self"
    )


def _is_new_state(node: Any) -> bool:
    return (
        isinstance(node, ExprNodes.SimpleCallNode)
        and isinstance(node.function, ExprNodes.AttributeNode)
        and node.function.attribute == "new_state"
    )
