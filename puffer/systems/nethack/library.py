"""A copy's own file of the game's library, changed before it is loaded: the process does not disturb the game."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

# Constants of the file format ELF.
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT, _DT_SONAME, _DT_SYMBOLIC = 5, 6, 10, 11, 14, 16
# The name of the C function in `puffer.systems.nethack.clock`, as long as the library's own name, which it overwrites:
# nobody looks for the library by its name.
_CLOCK, _LIBRARY = b"nethack_clock\0", b"libnethack.so\0"


def isolate(library: Path, *, own_clock: bool) -> None:
    """Change the file of a library that is not loaded yet.

    The game always calls its own functions. Otherwise it may call functions of the same name in other libraries of the
    process, and Java has one. With `own_clock` it takes the time from `puffer.systems.nethack.clock`. On platforms
    without ELF files of 64 bits nothing is changed.

    Warns if the library cannot be given a clock.
    """
    data = bytearray(library.read_bytes())
    if data[:5] != b"\x7fELF\x02":
        return
    _bind_symbolically(data)
    if own_clock and not _redirect_clock(data):
        warnings.warn(
            "the library of this nle cannot be given a clock: games of equal seeds may differ in what NetHack takes "
            "from the time, such as the names of shopkeepers",
            stacklevel=3,
        )
    # In place: others may have opened the file.
    with library.open("r+b") as file:
        file.write(data)


def _bind_symbolically(data: bytearray) -> None:
    """Add the entry DT_SYMBOLIC, in place of a spare one at the end of the dynamic section."""
    start, tags = _dynamic_section(data)
    names = [tag for tag, _ in tags]
    end = names.index(0)
    # The last entry has to stay.
    if _DT_SYMBOLIC not in names[:end] and end + 1 < len(names):
        struct.pack_into("<Qq", data, start + 16 * end, _DT_SYMBOLIC, 0)


def _redirect_clock(data: bytearray) -> bool:
    """Let the library call `nethack_clock` where it calls `time`. Returns whether it was possible."""
    _, tags = _dynamic_section(data)
    entries = dict(tags)
    if not {_DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT, _DT_SONAME} <= entries.keys():
        return False
    strings, symbols = _offset(data, entries[_DT_STRTAB]), _offset(data, entries[_DT_SYMTAB])
    name = strings + entries[_DT_SONAME]
    if data[name : name + len(_LIBRARY)] != _LIBRARY:
        return False
    # The table of symbols ends where that of their names begins; the size of neither is recorded elsewhere.
    for symbol in range(symbols, strings, entries[_DT_SYMENT]):
        text, _, _, section = struct.unpack_from("<IBBH", data, symbol)
        if section == 0 and data[strings + text :][:5] == b"time\0":
            data[name : name + len(_CLOCK)] = _CLOCK
            struct.pack_into("<I", data, symbol, entries[_DT_SONAME])
            return True
    return False


def _dynamic_section(data: bytearray) -> tuple[int, list[tuple[int, int]]]:
    """The offset of the dynamic section in the file, and its entries."""
    for kind, offset, _, size in _segments(data):
        if kind == _PT_DYNAMIC:
            return offset, list(struct.iter_unpack("<Qq", data[offset : offset + size]))
    return 0, [(0, 0)]


def _segments(data: bytearray) -> Iterator[tuple[int, int, int, int]]:
    """The kind of each segment, its offset in the file, its address in memory, and its size in the file."""
    (first,), (count,) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<H", data, 56)
    for header in range(first, first + 56 * count, 56):
        kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, header)
        yield kind, offset, address, size


def _offset(data: bytearray, address: int) -> int:
    """The offset in the file of an address in memory."""
    for kind, offset, start, size in _segments(data):
        if kind == _PT_LOAD and start <= address < start + size:
            return offset + address - start
    raise ValueError(f"the library has no segment with the address {address:#x}")
