"""Flight recordings: the last steps of a batch in one small file, and their replay, bit for bit."""

from puffer.recording.recorder import Recorder
from puffer.recording.recording import FORMAT, Recording, RecordingError
from puffer.recording.replay import Diverged, Replay

__all__ = ["FORMAT", "Diverged", "Recorder", "Recording", "RecordingError", "Replay"]
