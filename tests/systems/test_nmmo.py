"""Neural MMO, against the package driven by hand."""

import gc
import os
import subprocess
import sys
import weakref
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_same, run_script

import puffer
from puffer.systems import nmmo

pytest.importorskip("ordered_set", reason="python -m puffer.install nmmo")

SMALL = {"num_agents": 6, "size": "small", "num_maps": 2, "config": {"NPC_N": 6}}


@pytest.fixture(scope="module", autouse=True)
def maps_of_its_own(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def make(num_envs=1, **options):
    return closing(puffer.make("nmmo", num_envs, **{"backend": "serial", **SMALL, **options}))


def bare_environment(**arguments):
    """The package's environment, on the maps of the adapter."""
    return nmmo.Nmmo(**{**SMALL, **arguments})._env


def plain(value):
    return {key: plain(part) for key, part in sorted(value.items())} if isinstance(value, dict) else np.array(value)


def assert_row(layout, row, observation):
    assert_same(plain(layout.value(row)), plain(observation))


def test_plays_as_the_package_does():
    bare = bare_environment(horizon=25)
    with make(horizon=25, autoreset_mode="NextStep") as env:
        agents = bare.possible_agents
        rng = np.random.default_rng(1)
        rows, _ = env.reset(seed=7)
        own, _ = bare.reset(seed=7)
        kinds = set()
        for _ in range(60):
            assert list(own) == [agent for agent in agents if env.masks[agent - 1]]
            for agent, observation in own.items():
                assert_row(env.layout, rows[agent - 1], observation)
            actions = rng.integers(0, env.single_action_space.nvec, (len(agents), 13))
            rows, rewards, terminations, truncations, info = env.step(actions)
            if not bare.agents:
                own, _ = bare.reset()
                assert not np.any([rewards, terminations, truncations])
                continue
            values = {agent: env.action_layout.value(actions[agent - 1]) for agent in bare.agents}
            own, gained, died, late, told = bare.step(values)
            own = dict(sorted(own.items()))
            for agent in own:
                assert rewards[agent - 1] == np.float32(gained[agent])
                assert (terminations[agent - 1], truncations[agent - 1]) == (died[agent], late[agent])
                kinds |= {kind for kind, flag in (("died", died[agent]), ("late", late[agent])) if flag}
                if died[agent] or late[agent]:
                    (task,) = told[agent]["task"].values()
                    assert info["task_progress"][agent - 1] == task["progress"]
                    assert info["task_completed"][agent - 1] == task["completed"]
        assert kinds == {"died", "late"}


def test_nine_heads_and_their_masks():
    with make() as env:
        heads = env.action_layout.space
        assert len(heads) == 9
        assert env.single_action_space.nvec.shape == (13,)
        targets = env.layout.space["ActionTargets"]
        assert list(targets) == list(heads)
        for head in heads:
            assert {key: box.shape[0] for key, box in targets[head].items()} == {
                key: int(choice.n) for key, choice in heads[head].items()
            }
        rows, _ = env.reset(seed=1)
        moves = env.layout.view(rows)["ActionTargets"]["Move"]["Direction"]
        assert moves.shape == (6, 5)
        assert moves.any(axis=1).all()
        assert env.layout.view(rows)["Task"].dtype == np.float16


@pytest.mark.parametrize("num_agents", [1, 16, 128])
def test_numbers_of_agents(num_agents):
    with make(num_agents=num_agents) as env:
        assert env.num_envs == num_agents
        rows, _ = env.reset(seed=1)
        assert (env.layout.view(rows)["AgentId"].ravel() == np.arange(1, num_agents + 1)).all()
        env.step(env.action_space.sample())
        assert env.masks.any()


def test_presets():
    with make(num_agents=None) as env:
        assert env.num_envs == 64
        chosen = env.unwrapped.batch.backend.steppers[0].adapters[0].env._env.config
        assert (chosen.HORIZON, chosen.MAP_SIZE, chosen.NPC_N) == (128, 64, 6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_agents": 0}, ValueError, "num_agents must be at least 1"),
        ({"num_agents": 129}, ValueError, "num_agents must be at most 128"),
        ({"num_agents": 2.5}, TypeError, "num_agents must be an integer"),
        ({"horizon": 2**15}, ValueError, "horizon must be at most"),
        ({"num_maps": 0}, ValueError, "num_maps must be at least 1"),
        ({"size": "huge"}, ValueError, "size must be one of 'medium', 'small'"),
        ({"config": {"NPC_M": 1}}, ValueError, "config has 'NPC_M'"),
        ({"config": {"PATH_MAPS": "."}}, ValueError, "config has 'PATH_MAPS'"),
        ({"agents": 3}, TypeError, "unexpected keyword argument 'agents'.*num_agents, horizon"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        puffer.make("nmmo", **{**SMALL, **arguments})


def test_numpy_stays_as_it_is():
    script = """
import numpy as np, puffer
before = dict(np.__dict__)
puffer.make("nmmo", num_agents=2, size="small", num_maps=1).close()
print({name for name in np.__dict__.keys() ^ before.keys() if name in ("in1d",)}, np.isin is before["isin"])
"""
    assert run_script(script) == "set() True\n"


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import numpy as np, puffer
print("ready", flush=True)
sys.stdin.readline()
env = puffer.make("nmmo", 1, num_agents=6, size="small", num_maps=3, backend="serial")
rng = np.random.default_rng(1)
told = hashlib.sha256(env.reset(seed=3)[0].tobytes())
for _ in range(20):
    told.update(env.step(rng.integers(0, env.single_action_space.nvec, (6, 13)))[0].tobytes())
print(told.hexdigest())
"""


def test_many_processes_make_the_maps_once(tmp_path):
    cache, work = tmp_path / "cache", tmp_path / "work"
    work.mkdir()
    processes = []
    for number in range(3):
        variables = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONHASHSEED": str(number)}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", SCRIPT, str(Path(puffer.__file__).parent.parent)],
                cwd=work,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    # The worlds do not depend on who has made the maps, nor on how Python orders its sets.
    assert len(set(told)) == 1
    assert len(told[0]) == 65
    assert not list(work.iterdir())
    (maps,) = (path for path in (cache / "puffer" / "nmmo").iterdir() if path.is_dir())
    assert sorted(path.name for path in maps.iterdir()) == ["map1", "map2", "map3"]


def test_maps_left_unfinished_are_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with make() as env:
        first, _ = env.reset(seed=1)
        first = first.copy()
    folder = tmp_path / "puffer" / "nmmo"
    (maps,) = (path for path in folder.iterdir() if path.is_dir())
    part = maps.rename(f"{maps}.part")
    (part / "map1" / "fractal.npy").write_bytes(b"half")
    with make() as env:
        assert_same(env.reset(seed=1)[0], first)
    assert not part.exists()


def test_a_closed_environment_is_forgotten():
    env = nmmo.Nmmo(**SMALL)
    env.reset(seed=1)
    env.step(np.zeros((6, 13), np.int64))
    kept = [weakref.ref(part) for part in (env._env, env._env.realm)]
    env.close()
    env.close()
    gc.collect()
    assert [part() for part in kept] == [None, None]
