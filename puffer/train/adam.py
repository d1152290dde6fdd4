"""Adam over all parameters as one vector: a few operations a step, where torch's own takes some for every layer."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_DECAY, _SQUARE_DECAY, _EPSILON = 0.9, 0.999, 1e-5


class Adam:
    """The optimiser of Kingma and Ba (2015), with gradients of a limited length.

    The parameters, and their gradients, become views of one vector each.

    Parameters
    ----------
    parameters : iterable of Parameter
        On one device.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        parameters = list(parameters)
        self.vector = torch.cat([parameter.detach().flatten() for parameter in parameters])
        self.gradient, self.mean, self.square = torch.zeros(3, len(self.vector), device=self.vector.device)
        self.count = 0
        start = 0
        for parameter in parameters:
            stop = start + parameter.numel()
            parameter.data = self.vector[start:stop].view_as(parameter)
            parameter.grad = self.gradient[start:stop].view_as(parameter)
            start = stop

    @torch.no_grad()
    def step(self, learning_rate: float, max_gradient: float) -> None:
        """Take a step against the gradient, shortened to `max_gradient` if it is longer, and forget it."""
        self.count += 1
        self.gradient *= (max_gradient / (self.gradient.norm() + 1e-6)).clamp(max=1)
        self.mean.lerp_(self.gradient, 1 - _DECAY)
        self.square.mul_(_SQUARE_DECAY).addcmul_(self.gradient, self.gradient, value=1 - _SQUARE_DECAY)
        scale = (self.square / (1 - _SQUARE_DECAY**self.count)).sqrt_().add_(_EPSILON)
        self.vector.addcdiv_(self.mean, scale, value=-learning_rate / (1 - _DECAY**self.count))
        self.gradient.zero_()

    def state(self) -> dict[str, Tensor | int]:
        """What it goes on from, besides the parameters."""
        return {"mean": self.mean, "square": self.square, "count": self.count}

    def restore(self, state: dict[str, Tensor | int]) -> None:
        """Go on from a `state()`."""
        self.mean.copy_(state["mean"])
        self.square.copy_(state["square"])
        self.count = int(state["count"])
