"""The library of the package procgen, driven through its C interface as its documentation says.

It is here for comparisons: the package's own Python needs packages that nobody maintains any more.
"""

from __future__ import annotations

import ctypes
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

MODES = {"easy": 0, "hard": 1, "extreme": 2, "memory": 10}
_LARGEST_STATE = 2**20

_DEFAULTS = {
    "num_levels": 0,
    "start_level": 0,
    "num_actions": 15,
    "num_threads": 0,
    "use_sequential_levels": False,
    "center_agent": True,
    "use_backgrounds": True,
    "use_monochrome_assets": False,
    "restrict_themes": False,
    "use_generated_assets": False,
    "paint_vel_info": False,
}


class _Option(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char * 128),
        ("type", ctypes.c_int),
        ("count", ctypes.c_int),
        ("items", ctypes.c_void_p),
    ]


class _Options(ctypes.Structure):
    _fields_ = [("items", ctypes.POINTER(_Option)), ("count", ctypes.c_int)]


class _Buffers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("observations", "rewards", "firsts", "infos", "actions")]


def _library() -> tuple[Any, str]:
    spec = find_spec("procgen")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("procgen is not installed: python -m puffer.install procgen", name="procgen")
    folder = Path(spec.origin).parent / "data"
    library = ctypes.CDLL(str(next(folder.glob("prebuilt/libenv.*"))))
    library.libenv_make.restype = ctypes.c_void_p
    library.libenv_make.argtypes = [ctypes.c_int, _Options]
    return library, f"{folder}/assets/"


def _value(value: bool | int | str) -> tuple[Any, int, int]:
    """An option's value in memory, its type in the library, and its number of items."""
    if isinstance(value, bool):
        return ctypes.c_uint8(value), 1, 1
    if isinstance(value, int):
        return ctypes.c_int32(value), 2, 1
    return ctypes.create_string_buffer(value.encode()), 1, len(value)


def _row_addresses(*arrays: np.ndarray) -> Any:
    """An array of the addresses of all rows."""
    addresses = [array.ctypes.data + k * array.strides[0] for array in arrays for k in range(len(array))]
    return (ctypes.c_void_p * len(addresses))(*addresses)


class Game:
    """Copies of one game, as the package makes them with `rand_seed`.

    Attributes
    ----------
    observations : array
        uint8 (copies, 64, 64, 3), after the last step.
    rewards : array
        float32 (copies,), of the last step.
    firsts : array
        bool (copies,): whether an episode has ended, so that the observation is the first of the next one.
    """

    def __init__(
        self, game: str, rand_seed: int, copies: int = 1, distribution_mode: str = "hard", **options: Any
    ) -> None:
        self.library, assets = _library()
        given = {
            "env_name": game,
            "rand_seed": rand_seed,
            "distribution_mode": MODES[distribution_mode],
            "resource_root": assets,
            **_DEFAULTS,
            **options,
        }
        # The library reads the values through addresses, which are good for as long as `values` is.
        values = [_value(value) for value in given.values()]
        array = (_Option * len(given))(
            *(
                _Option(name.encode(), kind, count, ctypes.addressof(memory))
                for name, (memory, kind, count) in zip(given, values, strict=True)
            )
        )
        self.handle = ctypes.c_void_p(self.library.libenv_make(copies, _Options(array, len(given))))
        self._set_buffers(copies)

    def _set_buffers(self, copies: int) -> None:
        self.observations = np.zeros((copies, 64, 64, 3), np.uint8)
        self.rewards = np.zeros(copies, np.float32)
        self.firsts = np.zeros(copies, np.bool_)
        self.actions = np.zeros(copies, np.int32)
        self.infos = [np.zeros(copies, dtype) for dtype in (np.int32, np.bool_, np.int32)]
        pointers = [_row_addresses(*arrays) for arrays in ([self.observations], self.infos, [self.actions])]
        observations, infos, actions = map(ctypes.addressof, pointers)
        buffers = _Buffers(observations, self.rewards.ctypes.data, self.firsts.ctypes.data, infos, actions)
        self.library.libenv_set_buffers(self.handle, ctypes.byref(buffers))

    def step(self, actions: np.ndarray) -> None:
        """Step every copy."""
        self.actions[:] = actions
        self.library.libenv_act(self.handle)

    @property
    def levels(self) -> np.ndarray:
        """The level that each copy plays."""
        return self.infos[2]

    def time_limit(self) -> int:
        """The number of steps after which the library ends an episode, from the state of the first copy."""
        state = ctypes.create_string_buffer(_LARGEST_STATE)
        self.library.get_state(self.handle, 0, state, _LARGEST_STATE)
        (name,) = struct.unpack_from("<i", state, 4)
        offset = 8 + name + 4 * 17
        for _ in ("of levels", "of the level"):  # random streams
            (text,) = struct.unpack_from("<i", state, offset + 4)
            offset += 8 + text
        return struct.unpack_from("<i", state, offset + 16)[0]

    def close(self) -> None:
        """Free the copies."""
        self.library.libenv_close(self.handle)
