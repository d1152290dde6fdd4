"""Films: pictures one after the other, as a GIF, a WebP, an MP4, or the last of them as a PNG."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from puffer.pictures import PIP_LINE, as_png

SUFFIXES = (".gif", ".webp", ".mp4", ".png")


class Film:
    """A file of pictures, which is written when the context ends. A PNG has the last picture.

    Parameters
    ----------
    path : Path
        Its suffix is one of `SUFFIXES`.
    fps : float
        Pictures per second, above 0.

    Raises
    ------
    ValueError
        For another suffix.
    ImportError
        Without the encoder, with the line that installs it.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.fps = path, fps
        self.pictures = 0
        kinds = {".gif": _Gif, ".webp": _WebP, ".mp4": _Mp4, ".png": _Png}
        if path.suffix not in kinds:
            raise ValueError(f"a film ends in {', '.join(SUFFIXES)}, got {path.name!r}")
        self._encoder = kinds[path.suffix](path, fps)

    def add(self, picture: np.ndarray) -> None:
        """Add a picture, (height, width, 3) uint8, of the size of the first one."""
        self.pictures += 1
        self._encoder.add(picture)

    def __enter__(self) -> Film:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # A film that was interrupted by hand is as long as it is.
        if self.pictures and (kind is None or issubclass(kind, KeyboardInterrupt)):
            self._encoder.finish()
        else:
            self._encoder.drop()


class _Png:
    def __init__(self, path: Path, fps: float) -> None:
        self._path = path

    def add(self, picture: np.ndarray) -> None:
        self._last = picture

    def finish(self) -> None:
        self._path.write_bytes(as_png(self._last))

    def drop(self) -> None:
        pass


class _Gif(_Png):
    """Each picture has a palette of its own, as GIF wants it."""

    def __init__(self, path: Path, fps: float) -> None:
        try:
            from PIL import Image
        except ImportError:
            raise ImportError(f"a GIF needs Pillow: {PIP_LINE}") from None
        self._path, self._image = path, Image
        # Hundredths of a second; players take less than two of them for ten.
        self._milliseconds = max(20, 10 * round(100 / fps))
        self._images: list[Any] = []

    def add(self, picture: np.ndarray) -> None:
        self._images.append(self._image.fromarray(picture).quantize(256, dither=self._image.Dither.NONE))

    def finish(self) -> None:
        first, *others = self._images
        first.save(self._path, save_all=True, append_images=others, duration=self._milliseconds, loop=0, optimize=True)


class _WebP(_Gif):
    """The pictures of a GIF, in about a third of its bytes."""

    def finish(self) -> None:
        first, *others = self._images
        first.save(
            self._path,
            save_all=True,
            append_images=others,
            duration=self._milliseconds,
            loop=0,
            lossless=True,
            minimize_size=True,
        )


class _Mp4(_Png):
    """H.264, through the program ffmpeg that the package imageio-ffmpeg brings."""

    def __init__(self, path: Path, fps: float) -> None:
        try:
            import imageio_ffmpeg
        except ImportError:
            raise ImportError(f"an MP4 needs imageio-ffmpeg: {PIP_LINE}") from None
        self._path, self._fps, self._ffmpeg = path, fps, imageio_ffmpeg
        self._writer: Any = None

    def add(self, picture: np.ndarray) -> None:
        # The usual form of colours has one for two by two pixels.
        height, width = (side + side % 2 for side in picture.shape[:2])
        even = np.zeros((height, width, 3), np.uint8)
        even[: picture.shape[0], : picture.shape[1]] = picture
        if self._writer is None:
            self._writer = self._ffmpeg.write_frames(
                str(self._path), (width, height), fps=self._fps, macro_block_size=1
            )
            self._writer.send(None)
        self._writer.send(even)

    def finish(self) -> None:
        self._writer.close()

    def drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._path.unlink(missing_ok=True)
