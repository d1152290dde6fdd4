"""Messages between interpreters: plain data and arrays as bytes, over a socket.

The parent sends what to make and gets what the copies are like; from then on a message is the number of an operation
and its argument, and each has an answer.
"""

from __future__ import annotations

import io
import pickle
import reprlib
import socket
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

# The operations of every worker.
RESET, STEP, RENDER, CLOSE, CALL, SET_ATTR, SET_NEXT, ADOPT = range(8)

_PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict, set, frozenset)


class _Packer(pickle.Pickler):
    """Pickles arrays in a form of its own, since NumPy's depends on its version, and no other objects."""

    def persistent_id(self, value: Any) -> Any:
        if type(value) in _PLAIN:
            return None
        if isinstance(value, (np.ndarray, np.generic)):
            return self._of_array(value)
        if isinstance(value, complex):
            return "complex", value.real, value.imag
        if isinstance(value, str):
            return "plain", str.__str__(value)
        if isinstance(value, Mapping):
            return "plain", dict(value)
        for base in _PLAIN:
            if isinstance(value, base):
                return "plain", base(value)
        if hasattr(value, "__array__"):
            return self._of_array(np.asarray(value))
        raise TypeError(
            f"{reprlib.repr(value)} is of type {type(value).__name__}, and only arrays and plain data (numbers, texts, "
            f"lists, tuples, dicts and sets) can be sent to another interpreter"
        )

    @staticmethod
    def _of_array(value: Any) -> tuple:
        if isinstance(value, np.ndarray):
            # Of a subclass, such as a masked array, the values that it has as an array.
            value = np.asarray(value)
        if value.dtype == object:
            return "objects", value.shape, value.ravel().tolist()
        if value.dtype.hasobject:
            raise TypeError(f"an array of dtype {value.dtype} cannot be sent to another interpreter")
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return kind, value.shape, value.tobytes(), np.lib.format.dtype_to_descr(value.dtype)


class _Unpacker(pickle.Unpickler):
    def persistent_load(self, form: tuple) -> Any:
        kind, *content = form
        if kind == "plain":
            return content[0]
        if kind == "complex":
            return complex(*content)
        if kind == "objects":
            shape, items = content
            array = np.empty(len(items), object)
            for index, item in enumerate(items):
                array[index] = item
            return array.reshape(shape)
        shape, data, description = content
        array = np.ndarray(shape, np.lib.format.descr_to_dtype(description), bytearray(data))
        return array if kind == "array" else array[()]


def pack(value: Any) -> bytes:
    """Plain data and arrays as bytes that any interpreter with NumPy can `unpack`. Raises TypeError for the rest."""
    file = io.BytesIO()
    _Packer(file, 4).dump(value)
    return file.getvalue()


def unpack(message: bytes) -> Any:
    """The value that was packed."""
    return _Unpacker(io.BytesIO(message)).load()


class Wire:
    """One end of a socket over which messages, each a number and bytes, travel; see `puffer.backends.channel.Wire`."""

    _HEAD = struct.Struct("<BQ")

    def __init__(self, socket: socket.socket) -> None:
        self._socket = socket

    def send(self, number: int, content: bytes = b"") -> None:
        self._socket.sendall(self._HEAD.pack(number, len(content)) + content)

    def receive(self) -> tuple[int, bytes]:
        """The next message. Raises EOFError or OSError if the other end is gone."""
        number, length = self._HEAD.unpack(self._read(self._HEAD.size))
        return number, self._read(length)

    def _read(self, length: int) -> bytes:
        parts = []
        while length:
            parts.append(self._socket.recv(min(length, 2**20)))
            if not parts[-1]:
                raise EOFError
            length -= len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)
