"""The network of the trainer: from the flat rows of any observation space to the flat actions of any action space."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from puffer.layout.walk import ARRAYS, bounds, leaves
from puffer.spaces import ActionLayout, Layout, Leaf

# The log probability of what cannot be chosen. Not infinite, so that its product with a probability of 0 is 0.
_NEVER = -1e9
# The most categories of a leaf, and of one integer among others of its leaf.
_MOST_CATEGORIES = 4096
_MOST_CHOICES = 1024
# The smallest side of a picture, which is seen by convolutions.
_PICTURE = 20


class Categories(nn.Module):
    """Integers of few values: a learned vector for each value of each entry, which are added up."""

    def __init__(self, low: np.ndarray, high: np.ndarray, width: int) -> None:
        super().__init__()
        sizes = (high.astype(np.int64) - low.astype(np.int64) + 1).ravel()
        self.register_buffer("first", torch.from_numpy(np.cumsum(sizes) - sizes - low.astype(np.int64).ravel()))
        self.linear = nn.Linear(int(sizes.sum()), width)
        nn.init.normal_(self.linear.weight, std=1 / math.sqrt(len(sizes)))
        nn.init.zeros_(self.linear.bias)

    def forward(self, leaf: Tensor) -> Tensor:
        values = leaf.reshape(len(leaf), -1).long() + self.first
        # A product with zeros and ones: the backward pass of an embedding sorts its indices, which takes longer.
        return self.linear(self.linear.weight.new_zeros(len(leaf), self.linear.in_features).scatter_(1, values, 1.0))


class Numbers(nn.Module):
    """Numbers, shifted and scaled by their running mean and deviation unless they are integers in [-1, 1].

    Fractions are scaled within [-1, 1] too: a coordinate that moves by a tenth would else vanish among entries that
    are always near 1.
    """

    def __init__(self, low: np.ndarray, high: np.ndarray, width: int, whole: bool) -> None:
        super().__init__()
        self.scales = not (whole and np.all(low >= -1) and np.all(high <= 1))
        self.register_buffer("mean", torch.zeros(low.size))
        self.register_buffer("variance", torch.ones(low.size))
        self.register_buffer("count", torch.zeros(()))
        self.linear = orthogonal(nn.Linear(low.size, width), math.sqrt(2))

    @torch.no_grad()
    def see(self, leaf: Tensor) -> None:
        """Let the running mean and deviation go on by these observations."""
        if self.scales:
            values = leaf.reshape(len(leaf), -1).float()
            total = self.count + len(values)
            difference = values.mean(0) - self.mean
            squares = self.variance * self.count + values.var(0, correction=0) * len(values)
            self.variance.copy_((squares + difference**2 * self.count * len(values) / total) / total)
            self.mean += difference * len(values) / total
            self.count.copy_(total)

    def forward(self, leaf: Tensor) -> Tensor:
        values = leaf.reshape(len(leaf), -1).float()
        if self.scales:
            values = ((values - self.mean) / (self.variance + 1e-8).sqrt()).clamp(-10, 10)
        return self.linear(values)


class Picture(nn.Module):
    """A picture of bytes, with its channels in the last axis or the first."""

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.channels_last = shape[2] < shape[0]
        height, breadth, channels = shape if self.channels_last else (*shape[1:], shape[0])
        sizes = [(8, 4), (4, 2), (3, 1)] if min(height, breadth) >= 60 else [(4, 2), (3, 2)]
        layers: list[nn.Module] = []
        for (kernel, stride), filters in zip(sizes, (16, 32, 32), strict=False):
            layers += [orthogonal(nn.Conv2d(channels, filters, kernel, stride), math.sqrt(2)), nn.ReLU()]
            channels = filters
            height, breadth = ((side - kernel) // stride + 1 for side in (height, breadth))
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.linear = orthogonal(nn.Linear(channels * height * breadth, width), math.sqrt(2))

    def forward(self, leaf: Tensor) -> Tensor:
        picture = leaf.permute(0, 3, 1, 2) if self.channels_last else leaf
        return self.linear(self.layers(picture.float() / 255))


class Observations(nn.Module):
    """Flat rows of a layout to `width` features: each leaf by what suits its space, and their sum."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.leaves = [(leaf.offset, leaf.dtype, leaf.shape) for leaf in layout.leaves]
        known = {str(path) or "observation": leaf for path, leaf in leaves(layout.space) if isinstance(leaf, ARRAYS)}
        self.parts = nn.ModuleList()
        for leaf in layout.leaves:
            # Texts, and what varies in size, have leaves that are no spaces.
            space = known.get(leaf.path)
            low, high = _dtype_bounds(leaf) if space is None else bounds(space, leaf.path)
            self.parts.append(_part(leaf, low.ravel(), high.ravel(), width))

        self.scales = any(isinstance(part, Numbers) and part.scales for part in self.parts)

    def split(self, rows: Tensor) -> list[Tensor]:
        """The leaves of rows."""
        if len(self.leaves) == 1:
            return [rows.reshape(len(rows), *self.leaves[0][2])]
        data = rows.reshape(len(rows), -1).contiguous().view(torch.uint8)
        return [
            data[:, offset : offset + dtype.itemsize * math.prod(shape)]
            .contiguous()
            .view(torch.from_numpy(np.zeros(0, dtype)).dtype)
            .view(len(rows), *shape)
            for offset, dtype, shape in self.leaves
        ]

    def see(self, rows: Tensor) -> None:
        for part, leaf in zip(self.parts, self.split(rows), strict=True):
            if isinstance(part, Numbers):
                part.see(leaf)

    def forward(self, rows: Tensor) -> Tensor:
        return sum(part(leaf) for part, leaf in zip(self.parts, self.split(rows), strict=True))


def _dtype_bounds(leaf: Leaf) -> tuple[np.ndarray, np.ndarray]:
    if leaf.dtype.kind in "iu":
        limits = np.iinfo(leaf.dtype)
        return np.full(leaf.shape, limits.min), np.full(leaf.shape, limits.max)
    return np.full(leaf.shape, -np.inf), np.full(leaf.shape, np.inf)


def _part(leaf: Leaf, low: np.ndarray, high: np.ndarray, width: int) -> nn.Module:
    """The module for a leaf with these bounds."""
    if leaf.dtype == np.uint8 and len(leaf.shape) == 3 and sorted(leaf.shape)[1] >= _PICTURE:
        return Picture(leaf.shape, width)
    values = high.astype(np.float64) - low.astype(np.float64) + 1
    if leaf.dtype.kind in "iu" and values.max() > 2 and values.sum() <= _MOST_CATEGORIES:
        return Categories(low, high, width)
    return Numbers(low, high, width, leaf.dtype.kind in "iub")


class Actions(nn.Module):
    """Flat actions: integers drawn by their log probabilities, other numbers by normal distributions.

    An action is kept as it was drawn, a float32 column for each of its numbers: what integers have above their least
    one, and others in units in which their bounds are -1 and 1.

    Attributes
    ----------
    outputs : int
        Numbers that the network gives for a row.
    choices : int
        Entries of a mask of legal actions.
    """

    def __init__(self, layout: ActionLayout, space: Any, agents: int, copy_space: Any) -> None:
        super().__init__()
        self.dtype, self.shape = space.dtype, space.shape
        low, high = (bound.astype(np.float64).ravel() for bound in bounds(space, "action"))
        whole = np.ravel(layout.whole) & np.isfinite(low) & np.isfinite(high) & (high - low < _MOST_CHOICES)
        self.whole, self.reals = np.flatnonzero(whole), np.flatnonzero(~whole)
        self.rounded = np.ravel(layout.whole)[self.reals]
        sizes = (high - low + 1)[self.whole].astype(np.int64)
        self.choices, self.outputs = int(sizes.sum()), int(sizes.sum()) + len(self.reals)
        self.first = low[self.whole]
        # The entries of each integer; those of fewer values are filled up with one that is never chosen.
        places = np.arange(sizes.max() if len(sizes) else 0)
        table = np.where(places < sizes[:, None], (np.cumsum(sizes) - sizes)[:, None] + places, self.choices)
        self.register_buffer("table", torch.from_numpy(table), persistent=False)
        self.is_simple = len(sizes) == 1
        self.low, self.high = low[self.reals], high[self.reals]
        if copy_space is not None:
            rows_low, rows_high = (
                bound.astype(np.float64).reshape(agents, -1) for bound in bounds(copy_space, "action")
            )
            self.low, self.high = rows_low[:, self.reals], rows_high[:, self.reals]
            own = np.repeat(np.arange(len(sizes)), sizes)
            value = np.arange(self.choices) - (np.cumsum(sizes) - sizes)[own] + self.first[own]
            allowed = (rows_low[:, self.whole][:, own] <= value) & (value <= rows_high[:, self.whole][:, own])
            self.register_buffer("allowed", torch.from_numpy(allowed), persistent=False)
        else:
            self.allowed = None
        self.log_deviation = nn.Parameter(torch.full((len(self.reals),), -0.5))

    def legal(self, masks: Tensor | None, rows: int) -> Tensor | None:
        """What can be chosen in whole copies of these many rows, bool (rows, choices), or None if that is everything.

        `masks` are those of the environment, if it has any.
        """
        if self.allowed is None or not self.choices:
            return masks
        allowed = self.allowed.repeat(rows // len(self.allowed), 1)
        return allowed if masks is None else masks & allowed

    def _scores(self, outputs: Tensor, masks: Tensor | None) -> Tensor:
        """Log probabilities (rows, integers, values)."""
        scores = outputs[:, : self.choices]
        if masks is not None:
            scores = scores.masked_fill(~masks, _NEVER)
        padded = scores if self.is_simple else nn.functional.pad(scores, (0, 1), value=_NEVER)
        return (padded[:, None] if self.is_simple else padded[:, self.table]).log_softmax(-1)

    def draw(
        self, outputs: Tensor, masks: Tensor | None, generator: Any, greedy: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Actions as drawn, (rows, columns), and their log probabilities (rows,)."""
        drawn = torch.empty(len(outputs), len(self.whole) + len(self.reals), device=outputs.device)
        total = torch.zeros(len(outputs), device=outputs.device)
        if len(self.whole):
            scores = self._scores(outputs, masks)
            noise = 0 if greedy else torch.empty_like(scores).exponential_(generator=generator).log()
            chosen = (scores - noise).argmax(-1, keepdim=True)
            total += scores.gather(-1, chosen).sum((1, 2))
            drawn[:, : len(self.whole)] = chosen[..., 0]
        if len(self.reals):
            means = outputs[:, self.choices :]
            noise = torch.zeros_like(means) if greedy else torch.empty_like(means).normal_(generator=generator)
            drawn[:, len(self.whole) :] = means + noise * self.log_deviation.exp()
            total += (-0.5 * noise**2 - self.log_deviation - 0.5 * math.log(2 * math.pi)).sum(1)
        return drawn, total

    def judge(self, outputs: Tensor, masks: Tensor | None, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """The log probabilities of actions that were drawn before, and the entropies, (rows,) each."""
        total, entropy = torch.zeros(2, len(outputs), device=outputs.device)
        if len(self.whole):
            scores = self._scores(outputs, masks)
            total = total + scores.gather(-1, drawn[:, : len(self.whole), None].long()).sum((1, 2))
            entropy = entropy - (scores.exp() * scores).sum((1, 2))
        if len(self.reals):
            noise = (drawn[:, len(self.whole) :] - outputs[:, self.choices :]) / self.log_deviation.exp()
            total = total + (-0.5 * noise**2 - self.log_deviation - 0.5 * math.log(2 * math.pi)).sum(1)
            entropy = entropy + (self.log_deviation + 0.5 + 0.5 * math.log(2 * math.pi)).sum()
        return total, entropy

    def rows(self, drawn: Tensor) -> np.ndarray:
        """The actions of whole copies, as the environment takes them."""
        values = drawn.cpu().numpy()
        if self.is_simple and not len(self.reals):
            return (values[:, 0] + self.first).astype(self.dtype).reshape(len(values), *self.shape)
        actions = np.empty(values.shape, np.float64)
        actions[:, self.whole] = values[:, : len(self.whole)] + self.first
        reals = values[:, len(self.whole) :].astype(np.float64)
        low, high = self.low, self.high
        if low.ndim == 2:
            low, high = (np.tile(bound, (len(values) // len(bound), 1)) for bound in (low, high))
        bounded = np.isfinite(low) & np.isfinite(high)
        with np.errstate(invalid="ignore"):
            scaled = np.where(bounded, low + (reals + 1) / 2 * (high - low), reals)
        reals = scaled.clip(low, high)
        actions[:, self.reals] = np.where(self.rounded, np.round(reals), reals)
        return actions.astype(self.dtype).reshape(len(values), *self.shape)


class Network(nn.Module):
    """Features of the observations, layers of tanh, an LSTM if there is one, and the heads of actions and values."""

    def __init__(self, env: Any, hidden: int, layers: int, lstm: int) -> None:
        super().__init__()
        self.observations = Observations(env.layout, hidden)
        self.layers = nn.ModuleList(orthogonal(nn.Linear(hidden, hidden), math.sqrt(2)) for _ in range(layers - 1))
        self.cell = nn.LSTMCell(hidden, lstm) if lstm else None
        self.lstm = lstm
        space = env.action_layout.flat_space
        self.actions = Actions(env.action_layout, space, env.agents_per_env, env.copy_action_space)
        # The first actions are to be nearly at random.
        self.actor = orthogonal(nn.Linear(lstm or hidden, self.actions.outputs), 0.01)
        self.critic = orthogonal(nn.Linear(lstm or hidden, 1), 1.0)

    def forward(self, rows: Tensor, state: Tensor | None = None, fresh: Tensor | None = None) -> tuple[Tensor, ...]:
        """What the heads give for observations.

        Parameters
        ----------
        rows : (n, ...)
            With an LSTM n = steps * sequences, in this order.
        state : (sequences, 2 * lstm), optional
            Before the first step.
        fresh : (steps, sequences) bool, optional
            Where the state is forgotten before the observation is seen.

        Returns
        -------
        outputs (n, `actions.outputs`), values (n,), and the last state
        """
        features = self.observations(rows).tanh()
        for layer in self.layers:
            features = layer(features).tanh()
        if self.cell is not None:
            features, state = self._remember(features.view(*fresh.shape, -1), state, fresh)
        return self.actor(features), self.critic(features)[:, 0], state

    def _remember(self, features: Tensor, state: Tensor, fresh: Tensor) -> tuple[Tensor, Tensor]:
        keep = (~fresh).to(features.dtype)[..., None]
        seen = []
        for step in range(len(features)):
            state = state * keep[step]
            state = torch.cat(self.cell(features[step], tuple(state.split(self.lstm, 1))), 1)
            seen.append(state[:, : self.lstm])
        return torch.cat(seen), state


def orthogonal(layer: Any, gain: float) -> Any:
    """The layer with an orthogonal matrix of weights, and no bias at first."""
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer
