"""Episodes of known seeds that a policy plays, and what they returned: `puffer.evaluate`."""

from puffer.evaluation.playing import evaluate
from puffer.evaluation.results import Evaluation, Recording

__all__ = ["Evaluation", "Recording", "evaluate"]
