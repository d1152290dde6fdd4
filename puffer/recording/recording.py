"""The file of a recording: a header in JSON and plain arrays, with a checksum over both."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from puffer._version import __version__

# To be raised when a file of before cannot be replayed any more.
FORMAT = 1

_MAGIC = b"puffer recording"
# The magic bytes, the format, and the SHA-256 of the rest.
_HEAD = struct.Struct(f"<{len(_MAGIC)}sI32s")


class RecordingError(ValueError):
    """A file is not a recording, is damaged, or was written by another version."""


@dataclass
class Recording:
    """The steps of a batch that a `Recorder` kept.

    Attributes
    ----------
    header : dict
        "env": the name, the arguments of `puffer.make` and the class; "reason": why it was written; "first_step":
        the number of steps that the recorder had seen before the first one here; "segments": of each its steps, its
        events and its beginning; "untracked": what the recorder saw and cannot repeat; versions.
    arrays : dict of str to array
        "actions", (steps, rows, ...); for each segment k of a native environment "state{k}", the snapshots of all
        copies at its beginning; "last_state", those at the end; "digests", of environments in Python a checksum of
        what the reset and each step returned; "refused", the actions of a step that raised.
    """

    header: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The environment."""
        return self.header["env"]["name"] or self.header["env"]["class"]

    @property
    def steps(self) -> int:
        """Steps that the recording has."""
        return len(self.arrays["actions"])

    @property
    def first_step(self) -> int:
        return self.header["first_step"]

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the file; an existing one is replaced only by a whole one."""
        path = Path(path)
        packed = io.BytesIO()
        header = np.frombuffer(json.dumps({**self.header, "puffer": __version__}).encode(), np.uint8)
        np.savez_compressed(packed, header=header, **self.arrays)
        content = packed.getvalue()
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(_HEAD.pack(_MAGIC, FORMAT, hashlib.sha256(content).digest()) + content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Recording:
        """Read a file.

        Raises
        ------
        OSError
            If it cannot be read.
        RecordingError
            If it is not a recording, is damaged, or was written by another version of puffer, with the reason.
        """
        whole = Path(path).read_bytes()
        if whole[: len(_MAGIC)] != _MAGIC:
            raise RecordingError(f"{path} is not a recording of puffer.Recorder")
        if len(whole) < _HEAD.size:
            raise RecordingError(f"{path} is damaged: it ends after {len(whole)} bytes")
        _, version, digest = _HEAD.unpack_from(whole)
        content = whole[_HEAD.size :]
        if version != FORMAT:
            raise RecordingError(f"{path} has format {version}, and this version of puffer reads format {FORMAT}")
        if hashlib.sha256(content).digest() != digest:
            raise RecordingError(f"{path} is damaged: its checksum is wrong, it was cut short or changed")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            recording = cls(json.loads(arrays.pop("header").tobytes()), arrays)
            written_by = recording.header["puffer"]
            _require_form(recording)
        except (KeyError, TypeError, ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise RecordingError(f"{path} is not as puffer.Recorder writes it: {error!r}") from None
        if written_by != __version__:
            raise RecordingError(
                f"{path} was written by puffer {written_by}, this is {__version__}, which may play otherwise: "
                f"pip install puffer-envs=={written_by}"
            )
        return recording


def _require_form(recording: Recording) -> None:
    """Raise ValueError unless the parts belong together; KeyError or TypeError for missing ones."""
    header = recording.header
    steps = [segment["steps"] for segment in header["segments"]]
    if not steps or sum(steps) != recording.steps or min(steps) < 0:
        raise ValueError(f"segments of {steps} steps, and actions of {recording.steps}")
    if header["kind"] not in ("native", "python") or not isinstance(header["env"]["arguments"], dict):
        raise ValueError("the header is not as it should be")
    for segment in header["segments"]:
        for step, *_ in [*segment["events"], *((0, *one) for one in segment["before"])]:
            if not 0 <= step <= segment["steps"]:
                raise ValueError(f"an event at step {step} of {segment['steps']}")
