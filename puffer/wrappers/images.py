"""Wrappers that change images: observations of uint8, (height, width) or (height, width, channels)."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from puffer import checks
from puffer.wrappers.wrapper import Wrapper

# Gymnasium's weights of red, green and blue.
_WEIGHTS = (0.2125, 0.7154, 0.0721)


class ResizeImage(Wrapper):
    """Resize images to (height, width). Each new pixel is the mean of the area that it covers.

    Parameters
    ----------
    env
        An environment whose observations are uint8 images with up to 4 channels.
    height, width : int
        New size in pixels, at least 1.

    Raises
    ------
    TypeError
        If `env` has other observations.
    ImportError
        If OpenCV is missing.
    """

    def __init__(self, env: Any, height: int, width: int) -> None:
        super().__init__(env)
        shape = _image_shape(self, (), (1,), (2,), (3,), (4,))
        self._size = checks.integer("height", height, 1), checks.integer("width", width, 1)
        self.single_observation_space = spaces.Box(0, 255, (*self._size, *shape[2:]), np.uint8)
        _opencv()

    def change_observations(self, observations: np.ndarray) -> None:
        cv2 = _opencv()
        height, width = self._size
        for image, resized in zip(observations, self.observations, strict=True):
            cv2.resize(image, (width, height), dst=resized, interpolation=cv2.INTER_AREA)


class Grayscale(Wrapper):
    """Turn colour images into gray ones of shape (height, width), or (height, width, 1) with `keep_dim`.

    Parameters
    ----------
    env
        An environment whose observations are uint8 images with 3 channels.
    keep_dim : bool
        Whether images keep an axis of channels.

    Raises
    ------
    TypeError
        If `env` has other observations.
    """

    def __init__(self, env: Any, keep_dim: bool = False) -> None:
        super().__init__(env)
        shape = _image_shape(self, (3,))[:2]
        self.single_observation_space = spaces.Box(0, 255, (*shape, 1) if keep_dim else shape, np.uint8)
        self._gray, self._part = np.zeros((2, self.num_agents, *shape))

    def change_observations(self, observations: np.ndarray) -> None:
        self._gray.fill(0)
        for channel, weight in enumerate(_WEIGHTS):
            np.multiply(observations[..., channel], weight, out=self._part)
            self._gray += self._part
        np.copyto(self.observations.reshape(self._gray.shape), self._gray, casting="unsafe")


def _image_shape(wrapper: Wrapper, *channels: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the images of `wrapper.env`: height, width and one of `channels`. Raises TypeError for another."""
    space = wrapper.single_observation_space
    if isinstance(space, spaces.Box) and space.dtype == np.uint8:
        shape = space.shape
        if len(shape) >= 2 and shape[2:] in channels:
            return shape
    shapes = " or ".join(str(("height", "width", *one)).replace("'", "") for one in channels)
    raise TypeError(
        f"{type(wrapper).__name__} needs images, a uint8 Box of shape {shapes}, and {wrapper.env} has the observation "
        f"space {space}"
    )


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        raise ImportError('ResizeImage needs OpenCV: pip install "puffer-envs[images]"') from None
    return cv2
