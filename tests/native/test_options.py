"""The name and the options given to `make`: what is bad is refused, each with a message of its own."""

import numpy as np
import pytest
from gymnasium.error import NameNotFound
from gymnasium.vector import AutoresetMode
from helpers import KINDS, label, make, random_actions

import puffer
from puffer.registry import register

BUFFERS = ("observations", "actions", "rewards", "terminations", "truncations", "masks")
NOT_INTEGERS = [1.0, float("nan"), True, "1", b"1", object(), [1], np.ones(1), 1j]


# ---- Names of environments ----


@pytest.mark.parametrize("name", ["x", "../catch", "ocean-", "crafter-", "", "ocean-catch\0", "ocean.c", "o" * 10000])
def test_unknown_environments_are_refused(name):
    with pytest.raises(NameNotFound, match="there is no environment called"):
        puffer.make(name)


@pytest.mark.parametrize("name", ["ocean-frozen_lake", "frozen_lake", "frozen-lake", "ocean-frozen-lake"])
def test_spellings_of_a_native_name(name):
    assert puffer.make(name, 1).native_env.__class__.__name__ == "FrozenLake"


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("mpe-spread", "scenario", "simple_spread"),
        ("ocean-mpe-simple_tag", "scenario", "simple_tag"),
        ("foraging-8x8-2p-1f-coop", "force_coop", True),
        ("overcooked-coordination_ring", "layout", "coordination_ring"),
    ],
)
def test_a_name_may_end_with_a_task(name, parameter, value):
    env = puffer.make(name, 2)
    assert env.get_attr(parameter) == (value, value)
    with pytest.raises(TypeError, match=f"the name {name} says"):
        puffer.make(name, 2, **{env.native_env.task_parameter: "x"})


def test_names_with_bad_tasks_say_what_there_is():
    with pytest.raises(ValueError, match="scenario must be one of 'simple', .*, got 'chase'"):
        puffer.make("mpe-chase", 2)
    with pytest.raises(NameNotFound):
        puffer.make("cartpole-long", 2)


@pytest.mark.parametrize("name", ["ocean-cathc", "Catch", "OCEAN-CATCH", "catsh", "catchh"])
def test_a_misspelt_environment_gets_a_suggestion(name):
    with pytest.raises(NameNotFound, match="did you mean 'ocean-catch'"):
        puffer.make(name)


@pytest.mark.parametrize("name", [None, 5, b"ocean-catch", ["ocean-catch"], object()])
def test_a_name_that_is_no_string_is_refused(name):
    with pytest.raises(TypeError, match="name must be a"):
        puffer.make(name)


def test_registering_needs_a_new_name_and_an_environment(monkeypatch):
    monkeypatch.setattr("puffer.registry._registered", {})
    for name, env in ((5, puffer.Env), ("", puffer.Env), ("mine", None), ("mine", 5), ("mine", puffer.Env)):
        with pytest.raises(TypeError):
            register(name, env)
    for name, env in (("ocean-catch", puffer.Env), ("mine", "module"), ("mine", "a:b:c")):
        with pytest.raises(ValueError, match=r"registered already|module:attribute"):
            register(name, env)
    register("mine", "puffer.ocean.catch:Catch")
    assert "mine" in puffer.list_envs()
    assert puffer.make("mine", 2, rows=3).single_observation_space.shape == (3, 5)
    register("broken", "puffer.ocean.catch:__doc__")
    with pytest.raises(TypeError, match="broken must be a subclass of puffer.Env"):
        puffer.make("broken")


class Counter(puffer.PufferEnv):
    """An environment of a user's own."""

    def __init__(self, size=3):
        super().__init__()
        self.single_observation_space = self.make_space((size,))
        self.single_action_space = self.make_discrete(2)

    def reset(self, seed=None):
        self.observations[:] = 0
        return self.observations

    def step(self, actions):
        self.observations += 1
        return self.observations, self.rewards, self.terminations, self.truncations, {}


@pytest.mark.parametrize("env", [Counter, lambda size=3: Counter(size), f"{__name__}:Counter"])
def test_environments_in_python_are_registered_and_take_their_own_arguments(monkeypatch, env):
    monkeypatch.setattr("puffer.registry._registered", {})
    register("counter", env)
    assert puffer.make("counter").single_observation_space.shape == (3,)
    batch = puffer.make("counter", 2, size=5)
    batch.reset(seed=0)
    assert np.array_equal(batch.step([0, 1])[0], np.ones((2, 5)))
    with pytest.raises(TypeError, match="sise"):
        puffer.make("counter", 2, sise=5)


# ---- Counts ----


@pytest.mark.parametrize("option", ["num_envs", "num_threads", "batch_size", "max_steps"])
def test_counts_must_be_integers(option, subtests):
    for value in NOT_INTEGERS:
        with subtests.test(label(value)), pytest.raises(TypeError, match=f"{option} must be an integer, got"):
            puffer.make("ocean-catch", **{"num_envs": 4, option: value})


def test_num_envs_and_num_threads_are_no_none():
    for option in ("num_envs", "num_threads"):
        with pytest.raises(TypeError, match=f"{option} must be an integer, got None"):
            puffer.make("ocean-catch", **{option: None})


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("num_envs", [0, -1, -(2**63), -(2**70)]),
        ("num_threads", [-1, 256, 2**31, 2**70]),
        ("batch_size", [0, -1, 5, 2**70]),
        ("max_steps", [0, -1, 2**31, 2**70]),
    ],
)
def test_counts_out_of_range_are_refused(option, values):
    for value in values:
        with pytest.raises(ValueError, match=rf"{option} must be at (least|most) -?\d+, got {value}"):
            puffer.make("ocean-catch", **{"num_envs": 4, option: value})


@pytest.mark.parametrize("batch_size", [3, 4, 5])
def test_the_batch_size_must_divide_the_copies(batch_size):
    with pytest.raises(ValueError, match=f"batch_size must divide num_envs = 7, got {batch_size}"):
        puffer.make("ocean-catch", 7, batch_size=batch_size)


@pytest.mark.parametrize("number", [np.int8(4), np.uint64(4), np.array(4)])
def test_integers_of_numpy_are_counts(number):
    env = puffer.make("ocean-catch", number, num_threads=number, batch_size=number, max_steps=number)
    assert env.num_envs == 4


def test_the_largest_counts_work():
    env = puffer.make("ocean-catch", 3, num_threads=255, max_steps=2**31 - 1)
    env.reset(seed=0)
    env.step([0, 1, 2])
    env.close()


@pytest.mark.parametrize(
    ("name", "option", "values"),
    [
        ("ocean-catch", "rows", [1, 0, -1, 256, 2**70]),
        ("ocean-catch", "columns", [0, -1, 256, 2**70]),
        ("ocean-squared", "size", [1, 2, 0, -1, 4, 256, 2**70]),
    ],
)
def test_sizes_of_boards_are_checked(name, option, values):
    for value in values:
        with pytest.raises(ValueError, match=rf"{option} must be .*{value}"):
            make(name, 2, **{option: value})
    for value in NOT_INTEGERS:
        with pytest.raises(TypeError, match=f"{option} must be an integer"):
            make(name, 2, **{option: value})


@pytest.mark.parametrize("options", [{"rows": 255, "columns": 255}, {"rows": 2, "columns": 1}])
def test_the_extreme_boards_of_catch_work(options):
    env = make("ocean-catch", 2, **options)
    env.reset(seed=0)
    for step in range(600):
        env.step([step % 3, 2])
    assert env.stats()["episodes"] == 2 * (600 // (options["rows"] - 1))


# ---- Names and modes ----


@pytest.mark.parametrize(
    ("argument", "suggestion"), [("row", "rows"), ("colums", "columns"), ("num_thread", "num_threads"), ("sed", "seed")]
)
def test_a_misspelt_argument_gets_a_suggestion(argument, suggestion):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{argument}'; did you mean '{suggestion}'"):
        puffer.make("ocean-catch", 4, **{argument: 3})


@pytest.mark.parametrize("mode", ["same_step", "SAME_STEP", "", None, 0, [], object()], ids=label)
def test_unknown_autoreset_modes_are_refused(mode):
    with pytest.raises(ValueError, match="autoreset_mode must be one of 'NextStep', 'SameStep', 'Disabled', got"):
        puffer.make("ocean-catch", 4, autoreset_mode=mode)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_autoreset_modes_are_taken_by_name_and_as_members(mode):
    for value in (mode, mode.value):
        assert puffer.make("ocean-catch", 4, autoreset_mode=value).metadata["autoreset_mode"] is mode


@pytest.mark.parametrize("mode", ["rgb", "RGB_ARRAY", "", 0, [], object()], ids=label)
def test_unknown_render_modes_are_refused(mode):
    for name in KINDS:
        with pytest.raises(ValueError, match="render_mode must be None or one of 'rgb_array'.*got"):
            puffer.make(name, 4, render_mode=mode)


def test_without_a_render_mode_nothing_is_drawn(kind):
    env = make(kind, 2)
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="nothing without a render mode"):
        assert env.render() is None


# ---- Buffers ----


def good_buffers():
    buffers = make("ocean-catch", 4).buffers
    return {name: np.zeros_like(getattr(buffers, name)) for name in BUFFERS}


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def misaligned(array):
    memory = np.zeros(array.nbytes + 1, np.uint8)
    return memory[1:].view(array.dtype).reshape(array.shape)


BAD_ENTRIES = {
    "dtype": (lambda array: array.astype(np.float64), ValueError, "must have dtype .*, got float64"),
    "too short": (lambda array: array[:3], ValueError, r"must have shape \(4,.*, got \(3,"),
    "too long": (lambda array: np.concatenate([array, array]), ValueError, r"must have shape \(4,.*, got \(8,"),
    "axes": (lambda array: array[:, None], ValueError, "must have shape"),
    "strides": (lambda array: np.repeat(array, 2, axis=0)[::2], ValueError, "must be C-contiguous"),
    "read-only": (read_only, ValueError, "must be writable"),
    "list": (lambda array: array.tolist(), TypeError, "must be an array or share memory with one, got list"),
    "None": (lambda array: None, TypeError, "must be an array or share memory with one, got NoneType"),
    "number": (lambda array: 5, TypeError, "must be an array or share memory with one, got int"),
    "bytes": (lambda array: array.tobytes(), ValueError, "must "),
}


@pytest.mark.parametrize(("change", "exception", "message"), BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_bad_buffers_are_refused_by_name(change, exception, message):
    for entry in BUFFERS:
        bad = change(good_buffers()[entry])
        with pytest.raises(exception, match=rf"buf\['{entry}'\] {message}"):
            make("ocean-catch", 4, buf={entry: bad})


@pytest.mark.parametrize("entry", ["actions", "rewards"])
def test_misaligned_and_byte_swapped_buffers_are_refused(entry):
    array = good_buffers()[entry]
    with pytest.raises(ValueError, match=rf"buf\['{entry}'\] must be aligned"):
        make("ocean-catch", 4, buf={entry: misaligned(array)})
    with pytest.raises(ValueError, match=rf"buf\['{entry}'\] must have dtype"):
        make("ocean-catch", 4, buf={entry: array.astype(array.dtype.newbyteorder())})


@pytest.mark.parametrize("buf", [5, "rewards", [1, 2], np.zeros(4), object()], ids=label)
def test_buffers_that_are_no_mapping_are_refused(buf):
    with pytest.raises(TypeError, match="buf must map buffer names to arrays"):
        make("ocean-catch", 4, buf=buf)


@pytest.mark.parametrize("key", ["reward", "", 5, None])
def test_unknown_buffers_are_refused(key):
    with pytest.raises(ValueError, match="buf has no buffer .*; its buffers are observations, actions, rewards"):
        make("ocean-catch", 4, buf={key: np.zeros(4, np.float32)})


def test_buffers_that_share_memory_are_refused():
    flags = np.zeros(4, np.bool_)
    with pytest.raises(ValueError, match=r"buf\['terminations'\] and buf\['truncations'\] share memory"):
        make("ocean-catch", 4, buf={"terminations": flags, "truncations": flags})
    memory = np.zeros(6, np.bool_)
    with pytest.raises(ValueError, match="share memory"):
        make("ocean-catch", 4, buf={"terminations": memory[:4], "masks": memory[2:]})


@pytest.mark.parametrize("wrap", [memoryview, lambda array: puffer.Buffers(4, (10, 5), "u1", (), "i4").observations])
def test_anything_that_shares_memory_is_a_buffer(wrap):
    own = good_buffers()["observations"]
    given = wrap(own)
    env = make("ocean-catch", 4, buf={"observations": given})
    env.reset(seed=0)
    assert np.shares_memory(np.asarray(given), env.observations)
    assert np.asarray(given).sum() == 8


def test_two_environments_may_be_given_the_buffers_of_a_third():
    first = make("ocean-catch", 4, copy=False)
    second = make("ocean-catch", 4, buf=first.buffers)
    first.reset(seed=0)
    second.reset(seed=1)
    assert np.array_equal(first.observations, second.observations)


def test_a_failed_construction_leaves_the_buffers_alone():
    buffers = good_buffers()
    buffers["rewards"][:] = 7
    with pytest.raises(ValueError, match="rows"):
        make("ocean-catch", 4, buf=buffers, rows=1)
    with pytest.raises(ValueError, match="shape"):
        make("ocean-catch", 4, buf={**buffers, "masks": np.zeros(3, bool)})
    assert (buffers["rewards"] == 7).all()


# ---- Fresh and live arrays ----


@pytest.mark.parametrize("copy", [None, True])
def test_every_call_returns_arrays_that_nobody_holds(kind, copy):
    env = make(kind, 3, copy=copy)
    results = [env.reset(seed=0), *(env.step(action) for action in random_actions(env, 3))]
    arrays = [array for *arrays, _ in results for array in arrays]
    for k, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in arrays[:k])
    buffers = env.buffers
    last = (buffers.observations, buffers.rewards, buffers.terminations, buffers.truncations)
    assert all(one is other for one, other in zip(last, arrays[-4:], strict=True))


def test_without_copy_every_call_returns_the_live_arrays(kind):
    env = make(kind, 3, copy=False)
    observations, _ = env.reset(seed=0)
    first, second = (env.step(action) for action in random_actions(env, 2))
    assert np.shares_memory(observations, first[0])
    for one, other in zip(first[:4], second[:4], strict=True):
        assert np.shares_memory(one, other)
    assert np.array_equal(first[0], second[0])


def test_the_caller_keeps_the_actions_array(kind):
    env = make(kind, 3)
    env.reset(seed=0)
    actions = random_actions(env, 1)[0]
    kept = actions.copy()
    env.step(actions)
    assert np.array_equal(actions, kept)
    assert not np.shares_memory(actions, env.buffers.actions)


def test_the_live_flags_are_a_reset_mask():
    """The arrays that step() returned may be handed back as they are."""
    env = make("ocean-catch", 2, autoreset_mode="Disabled", copy=False)
    env.reset(seed=0)
    for _ in range(9):
        _, _, terminations, _, _ = env.step([1, 1])
    observations, _ = env.reset(options={"reset_mask": terminations})
    assert observations[:, 0].any(axis=1).all()
    assert not terminations.any()
