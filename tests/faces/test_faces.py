"""What all faces have in common: nothing is imported before it is asked for, and what is missing is named."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "trainers").glob("*.py"))

# The module of each face, and the package that it needs.
NEEDED = {
    "jax": "jax",
    "minari": "minari",
    "pettingzoo": "pettingzoo",
    "rllib": "ray",
    "stable_baselines3": "stable_baselines3",
    "tianshou": "tianshou",
    "torchrl": "torchrl",
}


def test_puffer_imports_no_trainer():
    packages = [*NEEDED.values(), "torch"]
    script = f"import sys, puffer; sys.exit(str(sorted(set({packages}) & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(("face", "package"), NEEDED.items())
def test_a_missing_package_is_named(face, package, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"puffer.faces.{face}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"puffer\.faces\.{face} needs .*: pip install "):
        importlib.import_module(f"puffer.faces.{face}")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_in_the_docs(example):
    text = example.read_text()
    assert f"```python\n{text}```" in (ROOT / "docs" / "trainers.md").read_text()
    assert len([line for line in text.splitlines() if line]) <= 30
