"""The window of the render mode "human", through pygame."""

from __future__ import annotations

from typing import Any

import numpy as np


class Window:
    """A window that shows pictures. It opens with the first one.

    Parameters
    ----------
    title : str
        Title of the window.
    fps : int
        Largest number of pictures per second.

    Raises
    ------
    ImportError
        If pygame is missing.
    """

    def __init__(self, title: str, fps: int) -> None:
        try:
            import pygame
        except ImportError:
            raise ImportError('render_mode="human" needs pygame: pip install "puffer-envs[human]"') from None
        self._pygame = pygame
        self._title = title
        self._fps = fps
        self._clock = pygame.time.Clock()
        self._screen: Any = None

    def show(self, frame: np.ndarray) -> None:
        """Show a picture, (height, width, 3) uint8, and wait until the next one is due."""
        height, width = frame.shape[:2]
        if self._screen is None:
            self._pygame.display.init()
            self._pygame.display.set_caption(self._title)
        if self._screen is None or self._screen.get_size() != (width, height):
            self._screen = self._pygame.display.set_mode((width, height))
        # Desktops take a program that leaves its event queue unread for hung.
        self._pygame.event.pump()
        surface = self._pygame.surfarray.make_surface(frame.swapaxes(0, 1))
        self._screen.blit(surface, (0, 0))
        self._pygame.display.flip()
        self._clock.tick(self._fps)

    def events(self) -> list[Any]:
        """The events of pygame since the last call, keys among them; none before the first picture."""
        return self._pygame.event.get() if self._screen is not None else []

    def close(self) -> None:
        """Close the window. Another call does nothing."""
        if self._screen is not None:
            self._pygame.display.quit()
            self._screen = None
