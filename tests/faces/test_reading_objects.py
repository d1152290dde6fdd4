"""How batches and what belongs to them show themselves, at a prompt and in a notebook."""

import base64
import io
import re

import numpy as np
import pytest
from helpers import make

import puffer

Image = pytest.importorskip("PIL.Image", reason='pip install "puffer-envs[record]"')


def picture(html):
    """The picture in a batch's HTML, or None."""
    found = re.search(r'src="data:image/png;base64,([^"]+)"', html)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1])))) if found else None


def test_a_notebook_shows_a_batch_and_its_copies():
    env = make("catch", 4)
    env.reset(seed=0)
    html = env._repr_html_()
    assert "<b>catch</b>" in html
    assert "4, 4 rows" in html
    assert "Discrete(3)" in html
    # Two by two copies; every second pixel of 240 x 120.
    assert picture(html).shape == (242, 122, 3)
    assert puffer.Recorder(env)._repr_html_() == html


def test_a_large_batch_shows_some_copies():
    env = make("spread", 1000)
    env.reset(seed=0)
    html = env._repr_html_()
    assert "1,000 of 3 agents, 3,000 rows" in html
    assert "16 of 1,000 copies" in html


def test_without_a_picture_the_rest_is_shown():
    new = make("catch", 2)
    between = make("catch", 2)
    between.reset(seed=0)
    between.send(np.zeros(2, np.int64))
    closed = make("catch", 2)
    closed.close()
    python = puffer.make("gym-CartPole-v1", 2, backend="serial")
    python.reset(seed=0)
    for env in (new, between, closed, python):
        html = env._repr_html_()
        assert picture(html) is None
        assert "Discrete(" in html
        assert "<Box" not in html
    assert between.recv()[0].shape[0] == 2


def test_without_pillow_there_is_no_picture(monkeypatch):
    monkeypatch.setattr("puffer.notebooks.can_draw", lambda: False)
    env = make("catch", 2)
    env.reset(seed=0)
    assert picture(env._repr_html_()) is None


def test_buffers_name_their_arrays():
    assert repr(make("catch", 2).buffers) == (
        "<Buffers of 2 rows: observations uint8, actions int32, rewards float32, terminations bool, truncations bool, "
        "masks bool>"
    )
