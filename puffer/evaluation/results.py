"""What `evaluate` returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Recording:
    """An episode, as its seed and actions, and as pictures.

    Attributes
    ----------
    seed : int
    total : float
        Its return; the mean over its agents, where there are several.
    actions : (length, agents, ...) array
        Flat actions.
    frames : list
        What the copy showed before each step.
    """

    seed: int
    total: float
    actions: np.ndarray
    frames: list[Any]

    def save(self, path: str | Path, *, fps: float = 30) -> None:
        """Write the frames as an animated picture: a `.gif`, `.png` or `.webp`.

        Raises ImportError without Pillow, ValueError for frames that are texts.
        """
        try:
            from PIL import Image
        except ModuleNotFoundError:
            raise ImportError("save() needs Pillow: pip install pillow") from None
        if not isinstance(self.frames[0], np.ndarray):
            raise ValueError('save() writes pictures, and the frames are texts: make the batch with "rgb_array"')
        first, *rest = map(Image.fromarray, self.frames)
        first.save(path, save_all=True, append_images=rest, duration=1000 / fps, loop=0)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The episodes of `evaluate`, in the order of their seeds. Printed, it is one line.

    Attributes
    ----------
    returns : (episodes,) or (episodes, agents) float64
        The sum of the rewards of each episode. Where the agents of a copy share an episode, there is a column for each
        agent, with NaN where it took no part.
    lengths : (episodes,) or (episodes, agents) int64
        Steps; 0 for an agent that took no part.
    seeds : (episodes,) uint64
        What the copy was reset with. Where each agent has episodes of its own, what its copy began with.
    confidence : float
        Of `interval`.
    best, worst : Recording or None
        The episodes with the highest and the lowest return, if they were recorded.
    """

    returns: np.ndarray
    lengths: np.ndarray
    seeds: np.ndarray
    confidence: float = 0.95
    best: Recording | None = None
    worst: Recording | None = None

    @property
    def totals(self) -> np.ndarray:
        """The return of each episode, (episodes,) float64: the mean over its agents, where there are several."""
        return self.returns if self.returns.ndim == 1 else np.nanmean(self.returns, axis=1)

    @property
    def mean(self) -> float:
        """The mean return."""
        return float(self.totals.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """The bounds of the confidence interval of the mean, by Student's t; NaN for a single episode."""
        totals = self.totals
        if len(totals) < 2:
            return math.nan, math.nan
        half = student_t(len(totals) - 1, self.confidence) * totals.std(ddof=1) / math.sqrt(len(totals))
        return float(totals.mean() - half), float(totals.mean() + half)

    def __str__(self) -> str:
        low, high = self.interval
        between = "" if math.isnan(low) else f" ({100 * self.confidence:g} %: {low:.4g} to {high:.4g})"
        totals = self.totals
        return (
            f"return {self.mean:.4g}{between}, lowest {totals.min():.4g}, highest {totals.max():.4g}; "
            f"length {self.lengths.mean():.4g}; {len(totals)} episodes"
        )


def student_t(freedom: int, confidence: float) -> float:
    """How far from 0 Student's t with so many degrees of freedom lies with the probability `confidence`, at most."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    if freedom > 200:
        return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    # Its probability is a finite series in the sine and cosine of atan(t / sqrt(freedom)).
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        term = math.cos(angle) if freedom % 2 else 1.0
        total = 0.0
        for k in range(3 if freedom % 2 else 2, freedom + 1, 2):
            total += term
            term *= (k - 1) / k * math.cos(angle) ** 2
        total *= math.sin(angle)
        probability = (angle + total) * 2 / math.pi if freedom % 2 else total
        low, high = (low, angle) if probability > confidence else (angle, high)
    return math.tan(low) * math.sqrt(freedom)
