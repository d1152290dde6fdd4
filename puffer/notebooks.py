"""How a batch shows itself in a notebook: what it is, and a picture of its first copies."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

import numpy as np

from puffer.pictures import as_picture, as_png, can_draw, enlarged, grid

if TYPE_CHECKING:
    from puffer.vector import VectorEnv

# Copies in the picture, at most, and pixels of the longer side of each.
_COPIES, _LEAST, _MOST = 16, 96, 160


def batch_html(env: VectorEnv) -> str:
    """A batch as HTML. Without Pillow, or where the environment draws nothing now, it has no picture."""
    mode = env.metadata["autoreset_mode"].value
    of_copy = f" of {env.agents_per_env} agents" if env.agents_per_env > 1 else ""
    facts = {
        "copies": f"{env.num_copies:,}{of_copy}, {env.num_envs:,} rows",
        "observations": str(env.single_observation_space),
        "actions": str(env.single_action_space),
        "autoreset": mode,
    }
    rows = "".join(
        f'<tr><th style="text-align:left">{name}</th><td style="text-align:left">{html.escape(text)}</td></tr>'
        for name, text in facts.items()
    )
    title = html.escape(env.made_by[0] if env.made_by else env._name())
    return f"<div><b>{title}</b>{_picture(env)}<table>{rows}</table></div>"


def _picture(env: VectorEnv) -> str:
    """The first copies as an element; empty where they cannot be drawn."""
    if not can_draw() or (env.native_env is None and env.render_mode != "rgb_array"):
        return ""
    shown = min(env.num_copies, _COPIES)
    try:
        pictures = [_sized(as_picture(env.render_copy(copy))) for copy in range(shown)]
        content = as_png(grid(pictures))
    except Exception:
        # Before the first reset, between send() and recv(), after close(): a notebook shows the rest all the same.
        return ""
    more = f"<div>{shown} of {env.num_copies:,} copies</div>" if shown < env.num_copies else ""
    source = base64.b64encode(content).decode()
    return f'<div><img alt="the copies" src="data:image/png;base64,{source}"></div>{more}'


def _sized(picture: np.ndarray) -> np.ndarray:
    """The picture in about the size of a stamp: every pixel several times, or only every second, third, ... one."""
    step = -(-max(picture.shape[:2]) // _MOST)
    return enlarged(picture[::step, ::step], _LEAST)
