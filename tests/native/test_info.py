"""The infos of steps in which episodes ended: they are dictionaries in every way, and keep what they say.

Also the statistics of episodes, against a tally kept from the outside and against Gymnasium's own wrapper.
"""

import copy
import json
import pickle
from operator import eq, ne

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from helpers import Tally, assert_same, make, plain, random_actions, run_script

import puffer

KEYS = ["final_obs", "_final_obs", "final_info", "_final_info", "episode", "_episode"]


@pytest.fixture
def info():
    """The info of a step that ended episodes, not looked at yet."""
    return untouched_info()


def untouched_info():
    env = make("ocean-catch", 2, record_episodes=True)
    env.reset(seed=0)
    for _ in range(8):
        assert env.step(np.ones(2, np.int32))[4] == {}
    return env.step(np.ones(2, np.int32))[4]


def json_of(info, **options):
    return json.dumps(info, default=lambda array: array.tolist(), **options)


# Each of these is the first thing that is done with an info, so each must find the entries there.
FIRST_USES = {
    "in": lambda info: "episode" in info and "absent" not in info,
    "getitem": lambda info: info["_episode"].tolist(),
    "get": lambda info: (info.get("_episode").tolist(), info.get("absent"), info.get("absent", 5)),
    "len": len,
    "bool": bool,
    "not": lambda info: not info,
    "iteration": list,
    "reversed": lambda info: list(reversed(info)),
    "keys": lambda info: list(info.keys()),
    "values": lambda info: len(list(info.values())),
    "items": lambda info: [key for key, _ in info.items()],
    "keys as a set": lambda info: sorted(info.keys() & {"episode"}),
    "dict": lambda info: list(dict(info)),
    "unpacking": lambda info: list({**info}),
    "unpacking between others": lambda info: list({"a": 1, **info, "b": 2}),
    "call": lambda info: list(dict(**info)),
    "or": lambda info: list(info | {"a": 1}),
    "or on the right": lambda info: list({"a": 1} | info),
    "in-place or": lambda info: list(_in_place_or(info)),
    "in-place or into a dict": lambda info: list(_in_place_or({"a": 1}, info)),
    "update of a dict": lambda info: list(_updated({"a": 1}, info)),
    "update": lambda info: list(_updated(info, {"a": 1})),
    "copy": lambda info: (type(info.copy()).__name__, list(info.copy())),
    "copy.copy": lambda info: list(copy.copy(info)),
    "copy.deepcopy": lambda info: list(copy.deepcopy(info)),
    "pickle": lambda info: list(pickle.loads(pickle.dumps(info))),
    "pickle protocol 0": lambda info: list(pickle.loads(pickle.dumps(info, 0))),
    "pop": lambda info: (info.pop("_episode").tolist(), info.pop("absent", 3), len(info)),
    "popitem": lambda info: info.popitem()[0],
    "setdefault": lambda info: (info.setdefault("_episode", 1).tolist(), info.setdefault("a", 2)),
    "setitem": lambda info: list(_set(info, "a", 1)),
    "setitem of one that is there": lambda info: _set(info, "episode", 1)["episode"],
    "delitem": lambda info: list(_deleted(info, "episode")),
    "clear": lambda info: (info.clear(), list(info))[1],
    "repr": lambda info: repr(info)[:40],
    "str": lambda info: str(info)[:40],
    "format": lambda info: f"{info}"[:40],
    "json": lambda info: len(json.loads(json_of(_untimed(info)))),
    "json of an untouched one": lambda info: sorted(json.loads(json_of(info))),
    "json, indented": lambda info: sorted(json.loads(json_of(info, indent=1))),
    "json of a holder": lambda info: sorted(json.loads(json_of({"info": info}))["info"]),
    "sorted": sorted,
    "match": lambda info: _matched(info),
    "list of pairs": lambda info: len(dict(list(info.items()))),
    "comparison with an empty dict": lambda info: (info == {}, info != {}, eq({}, info), ne({}, info)),
    "comparison with something else": lambda info: (info == 3, info != 3, info is None),
    "isinstance": lambda info: isinstance(info, dict),
}


def _in_place_or(one, other=None):
    one |= {"a": 1} if other is None else other
    return one


def _updated(one, other):
    one.update(other)
    return one


def _set(info, key, value):
    info[key] = value
    return info


def _deleted(info, key):
    del info[key]
    return info


def _untimed(info):
    return {key: value for key, value in info.items() if key != "episode"}


def _matched(info):
    match info:
        case {"_episode": mask}:
            return mask.tolist()
    return None


def test_an_info_behaves_like_the_plain_dict_from_the_first_use_on(subtests):
    for name, use in FIRST_USES.items():
        with subtests.test(name):
            assert use(untouched_info()) == use(dict(untouched_info().items()))


def test_an_info_has_the_keys_of_gymnasium_in_order(info):
    assert list(info) == KEYS


def made(info):
    """The keys whose values are there."""
    return [key for key in info if isinstance(dict.__getitem__(info, key), (np.ndarray, dict))]


@pytest.mark.parametrize("key", KEYS)
def test_an_entry_is_made_by_itself(key):
    uses = {
        "getitem": lambda info: info[key],
        "get": lambda info: info.get(key),
        "setdefault": lambda info: info.setdefault(key),
    }
    for use in uses.values():
        info = untouched_info()
        value = use(info)
        assert made(info) == [key]
        assert info[key] is value
    info = untouched_info()
    info.pop(key)
    assert made(info) == []
    assert list(info) == [other for other in KEYS if other != key]


def test_keys_alone_make_nothing(info):
    info.get("absent")
    assert [key in info for key in (*KEYS, "absent")] == [True] * 6 + [False]
    assert list(info) == list(info.keys()) == KEYS
    assert (len(info), bool(info)) == (6, True)
    info["mine"] = 1
    info |= {"episode": {"mine": 2}}
    info.update(_episode=3)
    del info["final_obs"]
    assert made(info) == ["episode"]
    assert list(info) == [*KEYS[1:], "mine"]
    assert (info["mine"], info["episode"], info["_episode"]) == (1, {"mine": 2}, 3)


def test_what_returns_every_entry_makes_each_once(info):
    every = dict(info.items())
    assert made(info) == KEYS
    for whole in (dict(info), info.copy(), {**info}, dict(info.items()), dict(zip(info, info.values(), strict=True))):
        assert type(whole) is dict
        assert all(whole[key] is every[key] for key in KEYS)


def test_parts_of_a_batch_make_nothing_for_their_rows():
    env = make("ocean-catch", 4, batch_size=2, max_steps=1)
    env.async_reset(seed=0)
    env.recv()
    env.send(np.ones(2, np.int32))
    env.recv()
    info = env.recv()[4]
    assert made(info) == ["env_id"]


@pytest.mark.parametrize("options", [{"flat": False}, {"copy": True}, {"flat": False, "copy": True}], ids=str)
def test_every_face_leaves_entries_unmade(options):
    env = make("ocean-frozen_lake", 4, max_steps=1, **options)
    env.reset(seed=0)
    assert made(env.step(np.zeros(4, np.int32))[4]) == []


# ---- Trees ----

TREES = """
import sys
import numpy as np
sys.path.insert(0, "tests/native")
sys.path.insert(0, "tests")
{before}
from test_info import KEYS, untouched_info
info = untouched_info()
{after}
later = untouched_info()
for info, expected in ((later, dict(later)), (untouched_info(), dict(later))):
    mapped = {function}(type, info)
    assert type(mapped) is dict
    assert mapped == {function}(type, expected), mapped
    assert set(mapped) == set(KEYS)
    assert mapped["episode"] == dict.fromkeys("rlt", np.ndarray)
"""


@pytest.mark.parametrize("imported", ["before", "after"])
@pytest.mark.parametrize(
    ("package", "function"), [("torch.utils._pytree", "tree_map"), ("jax.tree_util", "tree_map")], ids=["torch", "jax"]
)
def test_trees_know_an_info_as_the_dict_it_is(package, function, imported):
    """Whether the library was imported before puffer or after."""
    pytest.importorskip(package.partition(".")[0])
    code = {"before": "", "after": "", imported: f"from {package} import {function}"}
    run_script(TREES.format(function=function, **code), timeout=300)


def test_two_untouched_infos_compare_by_their_entries(info):
    other = untouched_info()
    for one in (info, other):
        one["episode"] = one["final_obs"] = 0
        for mask in ("_final_obs", "_final_info", "_episode"):
            one[mask] = one[mask].tolist()
    assert info == other
    assert not ne(info, other)
    other["more"] = 1
    assert info != other


def test_a_missing_key_raises_key_error(info):
    for use in (lambda: info["absent"], lambda: info.pop("absent"), lambda: info.__delitem__("absent")):
        with pytest.raises(KeyError, match="absent"):
            use()


def test_what_the_caller_sets_stays(info):
    info["mine"] = 1
    info["episode"] = 2
    assert (info["mine"], info["episode"], len(info)) == (1, 2, 7)


@pytest.mark.parametrize("looked_at", [True, False], ids=["looked-at", "untouched"])
def test_an_old_info_keeps_its_values_over_many_steps(kind, looked_at):
    """Whether somebody has looked at it in the meantime or not."""
    env, twin = (make(kind, 8, record_episodes=True, max_steps=30) for _ in range(2))
    env.reset(seed=0)
    twin.reset(seed=0)
    kept = []
    for action in random_actions(env, 300):
        info, expected = env.step(action)[4], plain(twin.step(action)[4])
        if expected and len(kept) < 12:
            if looked_at:
                assert len(info) == 6
            kept.append((info, expected))
    assert len(kept) > 5
    for info, expected in kept:
        assert_same(plain(info["final_obs"]), expected["final_obs"])
        assert_same(info["_final_obs"], expected["_final_obs"])
        for key in ("r", "l"):
            assert_same(info["episode"][key], expected["episode"][key])


def test_a_kept_final_observation_is_not_overwritten_by_later_episodes(kind):
    """The rows of final_obs outlive their info."""
    env = make(kind, 4, max_steps=20)
    env.reset(seed=0)
    kept = []
    for action in random_actions(env, 200):
        for final in env.step(action)[4].get("final_obs", ()):
            if final is not None:
                kept.append((final, final.copy()))
    assert len(kept) > 10
    assert all(np.array_equal(final, value) for final, value in kept)


def test_infos_of_parts_speak_of_the_rows_of_the_part():
    env = make("ocean-catch", 6, batch_size=2, record_episodes=True)
    env.async_reset(seed=0)
    for _ in range(40):
        *_, terminations, truncations, info = env.recv()
        assert info["env_id"].tolist() in ([0, 1], [2, 3], [4, 5])
        ended = terminations | truncations
        assert len(ended) == 2
        assert set(info) == ({"env_id", *KEYS} if ended.any() else {"env_id"})
        if ended.any():
            assert np.array_equal(info["_episode"], ended)
            assert [final is not None for final in info["final_obs"]] == ended.tolist()
        env.send(np.ones(2, np.int32))


# ---- Statistics ----


def test_a_reset_in_the_middle_counts_no_episode(kind):
    env = make(kind, 4, max_steps=50)
    env.reset(seed=0)
    tally = Tally(env)
    for action in random_actions(env, 20):
        tally.add(env.step(action))
    env.reset()
    assert env.stats()["episodes"] == len(tally.episodes)


@pytest.mark.parametrize("name", ["ocean-catch", "ocean-tetris", "ocean-pendulum"])
def test_recorded_episodes_are_those_of_gymnasiums_wrapper(name, mode):
    """Same keys, values and dtypes as RecordEpisodeStatistics on the same trajectory, with the times a time.

    For one agent: Gymnasium's wrapper counts on when the agents of a copy have ended.
    """
    env = make(name, autoreset_mode=mode, record_episodes=True, max_steps=40)
    wrapped = RecordEpisodeStatistics(make(name, autoreset_mode=mode, max_steps=40, copy=True))
    env.reset(seed=0)
    wrapped.reset(seed=0)
    tally = Tally(env)
    for action in random_actions(env, 250):
        result, expected = env.step(action), wrapped.step(action)
        tally.add(result)
        assert ("episode" in result[4]) == ("episode" in expected[4])
        if "episode" in expected[4]:
            mine, other = result[4]["episode"], expected[4]["episode"]
            assert list(mine) == list(other) == ["r", "l", "t"]
            assert_same({key: mine[key] for key in "rl"}, {key: other[key] for key in "rl"})
            assert mine["t"].dtype == other["t"].dtype
            assert (mine["t"] >= 0).all()
            assert not mine["t"][~result[4]["_episode"]].any()
            assert np.array_equal(result[4]["_episode"], expected[4]["_episode"])
            assert mine["t"].max() < 60
        if mode == "Disabled" and tally.restart.any():
            for one in (env, wrapped):
                one.reset(options={"reset_mask": tally.restart})
    assert len(tally.episodes) > 10


def test_recorded_times_begin_with_the_episode(mode):
    """Of two episodes in a row the second one does not last from the beginning of the first."""
    env = make("ocean-catch", 1, record_episodes=True, autoreset_mode=mode, max_steps=1)
    env.reset(seed=0)
    times = []
    for _ in range(2000):
        info = env.step(np.ones(1, np.int32))[4]
        if info:
            times.append(info["episode"]["t"][0])
        if mode == "Disabled":
            env.reset()
    assert len(times) >= 1000
    assert np.median(times[-100:]) <= 3 * np.median(times[:100])


# ---- What a class tells of its rows ----


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
def test_infos_of_rows_have_the_rows_that_take_part(mode):
    class Numbered(puffer.Env):
        row_info_names = ("row", "pair")

        def __init__(self, num_envs, **options):
            super().__init__(num_envs, Box(0, 1, (1,)), Discrete(2), agents_per_env=3, **options)

        def row_infos(self, first, last):
            rows = np.arange(first, last)
            return lambda: ({"row": rows, "pair": np.stack([rows, rows], 1)}, {"row": -rows})

    env = puffer.VectorEnv(Numbered(2, batch_size=1, max_steps=3, autoreset_mode=mode))
    agents = 3
    _, info = env.reset(seed=0)
    assert info["row"].tolist() == list(range(2 * agents))
    assert info["pair"].tolist() == [[row, row] for row in range(2 * agents)]
    assert info["_row"].all()
    for step in range(3):
        for part in range(2):
            *_, truncations, info = env.step(np.zeros(agents, np.int32))
            assert info["row"].tolist() == info["env_id"].tolist() == [part * agents + k for k in range(agents)]
            assert truncations.all() == (step == 2)
            if mode == "SameStep" and step == 2:
                assert info["final_info"]["row"].tolist() == [-(part * agents + k) for k in range(agents)]
                assert info["final_info"]["_row"].all()
            else:
                assert "final_info" not in info
    _, info = env.reset(options={"reset_mask": np.arange(2 * agents) >= agents})
    assert info["_row"].tolist() == agents * [False] + agents * [True]
    assert info["row"].tolist() == agents * [0] + list(range(agents, 2 * agents))
