"""Ways to keep what a call returned, and a look at whether it stays as it was."""

import numpy as np

try:
    import torch
except ImportError:
    torch = None

HOLDERS = {
    "array": lambda array: array,
    "slice": lambda array: array[1:],
    "view of a view": lambda array: array[:2][..., np.newaxis].T,
    "bytes": lambda array: array.reshape(-1).view(np.uint8),
    "memoryview": lambda array: memoryview(array)[1:],
    "iterator": lambda array: array.flat,
}
if torch is not None:
    HOLDERS["tensor"] = lambda array: torch.from_numpy(array)[1:]
    HOLDERS["DLPack"] = lambda array: torch.from_dlpack(array)


class Hands:
    """Holds some of what is put into them, in some way, for some steps; `look` raises for what has changed since."""

    def __init__(self, seed=0, most=12):
        self.rng = np.random.default_rng(seed)
        self.most = most
        self.held = []

    def take(self, value, what):
        """Hold some of the arrays in a result or an info."""
        if isinstance(value, dict):
            for key, entry in value.items():
                self.take(entry, f"{what}[{key!r}]")
        elif isinstance(value, tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
            for k, entry in enumerate(value):
                self.take(entry, f"{what}[{k}]")
        elif isinstance(value, np.ndarray) and value.size and value.ndim and self.rng.random() < 0.4:
            how = self.rng.choice(list(HOLDERS))
            holder = HOLDERS[how](value)
            # Not np.array(holder), whose request for a copy not all tensors understand.
            self.held.append((f"{how} of {what}", holder, np.asarray(holder).copy()))
            if len(self.held) > self.most:
                del self.held[self.rng.integers(len(self.held))]

    def look(self):
        for what, holder, before in self.held:
            assert np.array_equal(np.asarray(holder), before, equal_nan=before.dtype.kind == "f"), what
