"""What a compiler says about the source of an environment, cut to its first word on each line, with the likely cause.

Cython reports the same mistake up to six times, mostly as "not allowed without gil": a method that is `nogil` may use
values of C alone, and whatever is unknown or misspelt is taken for a Python object.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from puffer.authoring import contract

_BLOCK = re.compile(
    r"Error compiling Cython file:\n-+\n.*?\n-+\n\n?(?=.*?:\d+:\d+: )(.*?):(\d+):(\d+): (.*?)(?=\n\n|\n*\Z)", re.S
)
_HINT = re.compile(r"^(?:performance hint|warning): .*\n?", re.MULTILINE)
_UNDECLARED = re.compile(r"undeclared name not builtin: (\w+)")
_DECLARED = re.compile(r"\bcdef[^\n(=]*?\b(\w+)\s*(?:\(|=|,|$|\[)", re.MULTILINE)

# Builtin functions for which Cython has functions of C, where their arguments are values of C.
_IN_C = {"abs", "bool", "chr", "float", "int", "len", "max", "min", "ord", "range", "sizeof"}
_BUILTINS = {name for name in vars(builtins) if name[0].islower()} - _IN_C


class _Error(NamedTuple):
    file: str
    line: int
    column: int
    text: str

    @property
    def is_of_gil(self) -> bool:
        text = self.text.lower()
        return "without gil" in text or "without the gil" in text or "has python locals" in text


def shortened(source: Path, output: str) -> str:
    """The output of Cython about `source`, with one error for each line; the output of others as it is."""
    output = _HINT.sub("", output)
    errors = [_Error(file, int(line), int(column), text) for file, line, column, text in _BLOCK.findall(output)]
    if not errors:
        return output
    lines = source.read_text("utf-8", errors="replace").splitlines()
    rest = _BLOCK.sub("", output).strip()
    shown = [_shown(error, lines) for error in _first_of_lines(errors, source, lines)]
    return "\n\n".join([*shown, *([rest] if rest else [])])


def _first_of_lines(errors: list[_Error], source: Path, lines: list[str]) -> Iterator[_Error]:
    """The error of each line that says most: any other before one about the GIL, and of these the innermost."""
    own = [error for error in errors if Path(error.file).name == source.name]
    unknown = {name for error in own for name in _UNDECLARED.findall(error.text)}
    untyped = {name for error in own if error.line <= len(lines) and (name := _assigned(error, lines[error.line - 1]))}
    by_line: dict[int, list[_Error]] = {}
    for error in own or errors:
        by_line.setdefault(error.line, []).append(error)
    has_place = any(error.is_of_gil and not _is_of_function(error) for error in own)
    for line, found in sorted(by_line.items()):
        first = min(found, key=lambda error: (error.is_of_gil, _is_of_function(error)))
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        # It follows from a name that is unknown, or that another line made a Python object.
        causes = unknown | (set() if any(_assigned(error, text) for error in found) else untyped)
        follows = first.is_of_gil and any(re.search(rf"\b{name}\b", text) for name in causes)
        if not follows and not (has_place and _is_of_function(first)):
            yield first


def _is_of_function(error: _Error) -> bool:
    """Whether it is about a whole function, and others name the places."""
    return "has Python locals" in error.text


def _assigned(error: _Error, text: str) -> str:
    """The local name that an error calls a Python object, or ""."""
    match = re.match(r"\s*(\w+)\s*=(?!=)", text) if "Assignment of Python object" in error.text else None
    return match[1] if match else ""


def _shown(error: _Error, lines: list[str]) -> str:
    text = lines[error.line - 1] if 0 < error.line <= len(lines) else ""
    cause = _cause(error, text, lines)
    return "\n".join(
        [
            f"{Path(error.file).name}:{error.line}:{error.column}: {error.text}",
            f"    {text.strip()}",
            f"    {' ' * max(0, error.column - len(text) + len(text.lstrip()))}^",
            *([cause] if cause else []),
        ]
    )


def _cause(error: _Error, text: str, lines: list[str]) -> str:
    if "Signature not compatible" in error.text:
        named = re.search(r"(\w+)\s*\(", text)
        declaration = contract.methods().get(named[1] if named else "")
        return f"The base class calls it with another form; write\n    {declaration}" if declaration else ""
    if "Syntax error" in error.text and "->" in text:
        return "Fields behind a pointer are written with a point, as in state.row."
    undeclared = _UNDECLARED.search(error.text)
    if undeclared:
        return _unknown(undeclared[1], lines)
    return _cause_without_gil(error, text, lines) if error.is_of_gil else ""


def _unknown(name: str, lines: list[str]) -> str:
    known = {word for line in lines for word in re.findall(r"\b[A-Za-z_]\w*", line.partition("#")[0])} - {name}
    near = get_close_matches(name, known, 1, 0.8)
    return f"There is no {name}" + (f"; did you mean {near[0]}?" if near else "; declare or cimport it.")


def _cause_without_gil(error: _Error, text: str, lines: list[str]) -> str:
    """A sentence on what in a line is probably the Python object."""
    code = text.partition("#")[0]
    source = "\n".join(lines)
    fields = contract.members() | set(_DECLARED.findall(source))
    fields |= {name for line in lines for name in _names_in_declaration(line)}
    for name in re.findall(r"(?<!\w\.)(?:\bself\.)?\b(\w+)\s*\(", code):
        number = _line_that_needs_gil(name, lines)
        if number:
            return f"{name} needs the GIL; declare it in line {number} with cdef, and write noexcept nogil behind it."
    for name in re.findall(r"\bself\.(\w+)", code):
        if name not in fields:
            near = get_close_matches(name, fields, 1, 0.7)
            hint = f"did you mean {near[0]}?" if near else f"declare it in the class, as in cdef int {name}."
            return f"{name} is no C field or C method of the class; {hint}"
    for name in re.findall(r"(?<![\w.])(\w+)\s*\(", code):
        if name in _BUILTINS:
            return f"{name}() is a function of Python; {_instead(name)}"
    for name in re.findall(r"(?<![\w.])(\w+)\.\w+", code):
        if re.search(rf"^(?:import|from)\b.*\b{name}\b", source, re.MULTILINE):
            if name == "random" or re.search(rf"\b{name}\.random\b", code):
                return f"{name} is a module of Python; draw from the copy, as in rng_uniform(&self.rng[i], low, high)."
            return f"{name} is a module of Python; cimport functions of C, as in from libc.math cimport sqrt."
    if re.search(r"""(?:[=(,]\s*|return\s+)(?:\[|\{|f?["'])|=\s*\([^()]*,[^()]*\)\s*$""", code):
        return "Lists, dicts, tuples and strings are Python objects; use an array of C, as in cdef int[4] cells."
    name = _assigned(error, code)
    if name:
        return f"{name} has no type of C; declare it at the start of the method, as in cdef int {name}."
    return "A method that is nogil uses values and functions of C alone; declare every variable with cdef."


def _line_that_needs_gil(name: str, lines: list[str]) -> int:
    """The number of the line that defines a function without `nogil`; 0 if there is none."""
    definition = re.compile(rf"\s*(?:def|cdef|cpdef)\b[^=(]*\b{name}\s*\(")
    return next((k for k, line in enumerate(lines, 1) if definition.match(line) and "nogil" not in line), 0)


def _names_in_declaration(line: str) -> list[str]:
    """The names that a line with cdef declares, or a line of a struct."""
    match = re.match(r"\s*cdef\s+(?:readonly |public |const )*[\w.]+(?:\[[^\]]*\])?[ *]+(.*)", line.partition("#")[0])
    return re.findall(r"(?:^|,)[ *]*(\w+)", re.sub(r"=[^,]*", "", match[1])) if match else []


def _instead(name: str) -> str:
    if name == "print":
        return "print from ansi_one or a test, or from libc.stdio cimport printf."
    if name in ("round", "pow"):
        return f"from libc.math cimport {name}."
    return "write a loop over values of C."
