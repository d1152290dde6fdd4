"""The running deviation of rewards."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass
class RunningScale:
    """The running deviation of numbers around their mean."""

    count: float = 0.0
    mean: float = 0.0
    squares: float = 0.0

    @property
    def deviation(self) -> float:
        return max(math.sqrt(self.squares / self.count) if self.count else 1.0, 1e-4)

    def see(self, numbers: Tensor) -> None:
        """Take in more numbers."""
        count, mean = numbers.numel(), float(numbers.double().mean())
        difference, total = mean - self.mean, self.count + count
        self.squares += float(((numbers.double() - mean) ** 2).sum()) + difference**2 * self.count * count / total
        self.mean += difference * count / total
        self.count = total
