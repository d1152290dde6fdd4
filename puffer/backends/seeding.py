"""Seeds for packages whose seeds have less than 64 bits, or that need one for a reset without a seed."""

from __future__ import annotations

import numpy as np

_LIMIT = 2**31


def small_seed(seed: int) -> int:
    """A seed below 2**31 for any seed below 2**64: the same one if it is small enough, else one drawn with it."""
    if seed < _LIMIT:
        return seed
    return int(np.random.SeedSequence(seed).generate_state(1)[0]) % _LIMIT


def fresh_seeds(count: int) -> list[int]:
    """Seeds below 2**31 from the operating system."""
    return [int(state) % _LIMIT for state in np.random.SeedSequence().generate_state(count)]
