"""The machine and the software that the figures were measured with."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import puffer
from puffer.checks import available_cores


def cpu_model() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model", "cpu model"):
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def describe() -> dict[str, Any]:
    """The machine, and the versions of Python and the packages, by name."""
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "gymnasium": gymnasium.__version__,
        "puffer": puffer.__version__,
    }
