"""Infos in a batch: nothing is lost where copies differ, and values stay as they were when they were returned."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import puffer
from puffer.backends.infos import merged

UNLIKE = [
    ([np.uint8(3), np.uint16(300)], np.uint16),
    ([np.uint8(200), np.int8(-3)], np.int16),
    ([np.array([1, 2], np.int8), np.array([300, 2**40])], np.int64),
    ([np.float32(1), 1e300], np.float64),
    ([np.array([0.5], np.float32), np.array([1e300])], np.float64),
    ([1, 0.5], np.float64),
    ([0.5, 2**60 + 1], object),
    ([np.uint64(2**64 - 1), -1], object),
    ([1, 2**70], object),
    ([np.array("a"), np.array("abc")], "U3"),
    ([np.zeros(2), np.zeros(3)], object),
    ([np.zeros(1), np.array(["a"])], object),
    ([1, "a"], object),
    ([{"k": 1}, 5], object),
    ([np.zeros(2, object), np.zeros(3, object)], object),
    ([np.array([None, "a"], object), np.array([1, 2])], object),
]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("values", "dtype"), UNLIKE, ids=lambda value: str(value))
def test_a_column_holds_every_value_as_it_is(values, dtype, backwards):
    values = values[::-1] if backwards else values
    info = merged(3, [(0, {"x": values[0]}), (2, {"x": values[1]})])
    assert info["x"].dtype == dtype
    assert np.array_equal(info["x"][0], values[0])
    assert np.array_equal(info["x"][2], values[1])
    assert info["_x"].tolist() == [True, False, True]


@pytest.mark.parametrize("keys", [("x", "_x"), ("_x", "x")])
def test_a_key_and_its_underscore_are_both_kept(keys):
    info = merged(2, [(0, dict.fromkeys(keys, 7)), (1, {keys[0]: 1.5})])
    assert info[keys[0]].tolist() == [7, 1.5]
    assert info[keys[1]].tolist() == [7, 0]
    assert info["__x"].tolist() == [True, keys[0] == "_x"]


def test_columns_of_unlike_types_widen_and_stand_beside_single_infos():
    every, half = np.ones(2, np.bool_), np.array([True, False])
    columns = [(0, every, {"x": np.array([1, 2], np.uint8)}), (2, half, {"x": np.array([300, 9], np.uint16)})]
    info = merged(4, [(3, {"x": 0.5})], columns)
    assert info["x"].tolist() == [1, 2, 300, 0.5]
    assert info["_x"].all()


@pytest.mark.parametrize(
    "value",
    [np.array([None, {"a": 1}], object), np.array([(1, None)], [("a", "i4"), ("b", "O")]), np.zeros((2, 0), object)],
)
def test_arrays_of_objects_are_stacked_as_in_gymnasium(value):
    ours, theirs = merged(3, [(1, {"x": value}), (2, {"x": value})]), {}
    for row in (1, 2):
        theirs = SyncVectorEnv([Keeper] * 3)._add_info(theirs, {"x": value}, row)
    assert ours["x"].dtype == theirs["x"].dtype
    assert ours["x"].tolist() == theirs["x"].tolist()
    assert ours["_x"].tolist() == [False, True, True]


class Keeper(gymnasium.Env):
    """Keeps one info, with all that is in it, and one frame for its whole life; its copies share an array and a dict.

    `reset` and `step` change them in place.
    """

    observation_space, action_space = spaces.Box(0, 99, (1,), np.float32), spaces.Discrete(2)
    metadata = {"render_modes": ["rgb_array"]}
    shared = {"count": 0}
    shared_array = np.zeros(2)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode
        self.info = {"t": 0, "array": np.zeros(2), "deep": {"t": 0, "array": np.zeros(1)}, "shared": self.shared}
        self.info["shared_array"] = self.shared_array
        self.frame = np.zeros((2, 2, 3), np.uint8)

    def _now(self, t):
        self.t = t
        Keeper.shared["count"] = t + 10 * self.number
        self.shared_array[:] = t + 10 * self.number
        self.info["t"] = self.info["deep"]["t"] = t
        self.info["array"][:] = self.info["deep"]["array"][:] = self.frame[:] = t
        return np.full(1, t, np.float32), self.info

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.number = seed
        return self._now(0)

    def step(self, action):
        observation, info = self._now(self.t + 1)
        return observation, 1.0, self.t == self.number + 2, False, info

    def render(self):
        return self.frame


def plain(info):
    """An info as nested lists."""
    if isinstance(info, dict):
        return {key: plain(value) for key, value in info.items() if key not in ("final_obs", "_final_obs")}
    return info.tolist() if isinstance(info, np.ndarray) else info


@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 1}], ids=str)
@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_infos_are_those_of_the_step_that_returned_them(mode, options):
    theirs = SyncVectorEnv([Keeper] * 3, autoreset_mode=mode)
    env = puffer.emulate(Keeper, 3, autoreset_mode=mode, **options)
    expected = [plain(theirs.reset(seed=0)[1])]
    for _ in range(6):
        expected.append(plain(theirs.step(np.zeros(3, int))[4]))
    infos = [env.reset(seed=0)[1], *(env.step([0] * 3)[4] for _ in range(6))]
    env.close()
    # Not before the last step: what was handed out must not change any more.
    assert [plain(info) for info in infos] == expected
    assert any("final_info" in info for info in infos) == (mode is AutoresetMode.SAME_STEP)


def test_lists_of_infos_are_kept_too():
    class Listed(Keeper):
        def _now(self, t):
            observation, info = super()._now(t)
            info.setdefault("list", [0, np.zeros(1)])[0] = t
            info["list"][1][:] = t
            return observation, info

    env = puffer.emulate(Listed, 1, backend="serial")
    env.reset(seed=0)
    infos = [env.step([0])[4] for _ in range(2)]
    assert infos[0]["list"][0] == [1, 1]
    assert infos[1]["final_info"]["list"][0] == [2, 2]
    assert infos[1]["list"][0] == [0, 0]


@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 1}], ids=str)
def test_arrays_have_the_byte_order_of_this_machine_in_every_backend(options):
    other = np.dtype(np.int32).newbyteorder()

    class Swapped(Keeper):
        def _now(self, t):
            pair = np.array([(1, 2)], [("a", other), ("b", float)])
            info = {"x": np.array([1, 2], other), "list": [np.array(3, other)], "pair": pair}
            return super()._now(t)[0], {**info, "objects": np.array([np.array(4, other), None], object)}

    env = puffer.emulate(Swapped, 1, **options)
    info = env.reset(seed=0)[1]
    assert info["x"].tolist() == [[1, 2]]
    assert info["list"][0] == [3]
    assert info["pair"].tolist() == [[(1, 2)]]
    assert all(array.dtype.isnative for array in (info["x"], info["list"][0][0], info["pair"], info["objects"][0, 0]))
    env.close()


def test_a_list_that_holds_itself_is_handed_on():
    endless = []
    endless.append(endless)

    class Endless(Keeper):
        def _now(self, t):
            return super()._now(t)[0], {"list": endless}

    assert isinstance(puffer.emulate(Endless, 1, backend="serial").reset(seed=0)[1]["list"][0], list)


def test_frames_stay_as_they_were_drawn():
    env = puffer.emulate(Keeper, 1, backend="serial", render_mode="rgb_array")
    env.reset(seed=0)
    frames = [env.render()[0]]
    env.step([0])
    frames.append(env.render()[0])
    assert [int(frame[0, 0, 0]) for frame in frames] == [0, 1]
