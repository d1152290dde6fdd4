"""The contract that every native environment of the registry keeps. A new one is covered without an edit here."""

import re
import sys
from itertools import product

import numpy as np
import pytest
from gymnasium import error
from helpers import (
    MODES,
    Tally,
    assert_inside,
    assert_same,
    ended_rows,
    make,
    play,
    play_at_random,
    random_actions,
    rows_of,
    snapshot,
)

import puffer
from puffer.faces.gymnasium import gymnasium_id
from puffer.registry import find

# The entries of an info about ends of episodes.
ENDS = ("final_obs", "_final_obs", "final_info", "_final_info", "episode", "_episode")
BUFFERS = ("observations", "actions", "rewards", "terminations", "truncations", "masks")


def documented(name, field):
    """What the docstring of the environment's module says about "Terminated", "Truncated", ..."""
    text = sys.modules[find(name).__module__].__doc__
    return re.search(rf"^{field}\s+(.*)$", text, re.MULTILINE).group(1)


def begins_alike(name):
    """Whether every episode has the same start, and copies nothing to differ in."""
    return documented(name, "Start").startswith("always the same")


def show_of_chance(name, results):
    """The arrays of a trace in which chance shows: observations, or rewards where the observation never changes."""
    index = 1 if re.search(r"always \d", documented(name, "Observation")) else 0
    return np.stack([result[index] for result in results[index:]])  # a reset, which is first, has no rewards


def about_ends(env, info):
    """An info without what the class tells of every row."""
    if not env.unwrapped.native_env.row_info_names:
        return info
    ends = {key: info[key] for key in ENDS if key in info}
    return {**ends, "final_info": {}} if ends else {}


def assert_final_observations(env, info, final, ended):
    """The info of a step in the mode SameStep in which the rows `ended` ended with the observations `final`."""
    info = about_ends(env, info)
    assert set(info) == ({"final_obs", "_final_obs", "final_info", "_final_info"} if ended.any() else set())
    if info:
        assert np.array_equal(info["_final_obs"], ended)
        assert np.array_equal(info["_final_info"], ended)
        assert info["final_info"] == {}
        for row, observation in enumerate(info["final_obs"]):
            assert_same(observation, final[row] if ended[row] else None)


# ---- What reset and step return ----


def test_the_class_declares_what_its_docstring_says(name):
    for field in ("Observation", "Action", "Reward", "Terminated", "Truncated", "Start", "Source"):
        assert documented(name, field), field
    assert documented(name, "Version") == str(find(name).version)
    assert re.fullmatch(r"puffer/\w+-v\d+", gymnasium_id(find(name)))
    assert set(make(name, 2).metadata["render_modes"]) == {*find(name).render_modes, "human"}


def test_arguments_that_the_environment_does_not_have_are_refused(name):
    for argument in ("agents_per_env", "observes_in_step", "observation_space", "options", "self", "x"):
        with pytest.raises(TypeError, match=rf"{name} got an unexpected keyword argument '{argument}'.*arguments"):
            puffer.make(name, 4, **{argument: 3})


def test_more_copies_than_memory_are_refused_by_name(name):
    for power in (50, 60, 62, 63, 100):
        with pytest.raises((ValueError, MemoryError), match="num_envs"):
            puffer.make(name, 2**power)


def test_returned_arrays_have_the_types_and_shapes_of_the_spaces(in_every_mode):
    @in_every_mode
    def check(case, mode):
        env = case.make(autoreset_mode=mode, max_steps=20)
        rows = env.num_envs
        assert rows == env.num_agents == 6 * env.agents_per_env
        assert env.observation_space.shape == (rows, *env.single_observation_space.shape)
        first, *steps = play_at_random(env, 60)
        assert first[0].shape == env.observation_space.shape
        assert first[0].dtype == env.single_observation_space.dtype
        assert first[1] == {}
        for observations, rewards, terminations, truncations, info in steps:
            assert observations.shape == env.observation_space.shape
            assert observations.dtype == env.single_observation_space.dtype
            assert (rewards.shape, rewards.dtype) == ((rows,), np.float32)
            assert (terminations.shape, terminations.dtype) == ((rows,), np.bool_)
            assert (truncations.shape, truncations.dtype) == ((rows,), np.bool_)
            assert isinstance(info, dict)
            assert set(terminations.view(np.uint8)) | set(truncations.view(np.uint8)) <= {0, 1}
        assert (env.masks.shape, env.masks.dtype) == ((rows,), np.bool_)


def test_observations_lie_in_the_space_and_rewards_are_finite(in_every_mode):
    @in_every_mode
    def check(case, mode):
        env = case.make(16, autoreset_mode=mode)
        space = env.single_observation_space
        for observations, *rest, info in play_at_random(env, 200):
            assert_inside(space, observations)
            assert not rest or np.isfinite(rest[0]).all()
            final = [row for row in info.get("final_obs", ()) if row is not None]
            if final:
                assert_inside(space, np.stack(final))


def test_rows_that_take_no_part_are_zero(name):
    env = make(name, 4, max_steps=30)
    env.reset(seed=0)
    for action in random_actions(env, 100):
        observations, rewards, terminations, truncations, _ = env.step(action)
        absent = ~env.masks
        assert not observations[absent].any()
        assert not rewards[absent].any()
        assert not (terminations | truncations)[absent].any()
        assert absent.sum() == 0 or env.agents_per_env > 1


def test_info_is_empty_while_no_episode_ends(name, subtests):
    for mode in MODES:
        with subtests.test(mode):
            env = make(name, 3, autoreset_mode=mode, max_steps=1000, record_episodes=True)
            assert about_ends(env, env.reset(seed=0)[1]) == {}
            for action in random_actions(env, 50):
                *_, terminations, truncations, info = env.step(action)
                if (terminations | truncations).any():
                    break
                assert about_ends(env, info) == {}


def test_episodes_terminate_where_the_rules_say_so(name, cases):
    # Without the time limit of the rules, and under two sets of parameters: random play seldom reaches some goals.
    terminated = any(terminates_at_random(case) for case in cases)
    assert terminated != documented(name, "Terminated").startswith("never")


def terminates_at_random(case):
    env = case.make(max(1, 64 // make(case.name, 1).agents_per_env), max_steps=10**6)
    env.reset(seed=0)
    return any(env.step(action)[2].any() for action in random_actions(env, 3000))


def test_max_steps_truncates_exactly_there(name, subtests):
    for mode, limit in product(MODES, (1, 2, 13)):
        with subtests.test(f"{mode}, {limit}"):
            env = make(name, autoreset_mode=mode, max_steps=limit)
            tally, seen = Tally(env), 0
            for result in play_at_random(env, 40)[1:]:
                tally.add(result)
                assert np.array_equal(result[3], tally.alive & (tally.lengths == limit))
                seen += result[3].sum()
            assert seen or limit > 1


def test_default_max_steps_is_what_the_rules_say(name):
    limit = make(name).max_steps
    assert (limit is None) == documented(name, "Truncated").startswith("never by the rules")
    if find(name).default_max_steps is not None:
        assert limit == find(name).default_max_steps
        assert re.search(rf"\b{limit}\b", documented(name, "Truncated"))


def test_rows_are_values_of_the_space_in_its_layout(name):
    env = make(name, 3)
    assert env.layout.flat_space == env.single_observation_space
    assert env.action_layout.flat_space == env.single_action_space
    observations, _ = env.reset(seed=0)
    value = env.layout.value(observations[0])
    assert env.layout.space.contains(value)
    row = np.zeros_like(observations[0])
    env.layout.flatten(value, row)
    assert np.array_equal(row, observations[0])


# ---- Autoreset ----


def test_same_step_shows_the_first_observation_and_keeps_the_final_one(cases, subtests):
    """SameStep is Disabled with an immediate reset of what ended."""
    for case in cases:
        same, disabled = (case.make(autoreset_mode=mode, max_steps=23) for mode in ("SameStep", "Disabled"))
        if same.independent_agents and same.agents_per_env > 1:
            continue  # agents with episodes of their own are reset one by one in one mode only
        with subtests.test(str(case)):
            assert_same_step_is_disabled_with_resets(same, disabled)


def assert_same_step_is_disabled_with_resets(same, disabled):
    disabled.reset(seed=0)
    same.reset(seed=0)
    tally = Tally(disabled)
    for action in random_actions(same, 150):
        expected = snapshot(disabled.step(action))
        result = snapshot(same.step(action))
        tally.add(expected)
        if tally.restart.any():
            disabled.reset(options={"reset_mask": tally.restart})
        assert np.array_equal(result[0], disabled.observations)
        assert_same(result[1:4], expected[1:4])
        assert_final_observations(same, result[4], expected[0], ended_rows(expected))
    assert tally.episodes


def test_next_step_resets_one_step_later_and_ignores_that_action(cases, subtests):
    """NextStep is Disabled with a reset in place of the step after an end, with reward 0 and no flags."""
    for case in cases:
        following, disabled = (case.make(1, autoreset_mode=mode, max_steps=11) for mode in ("NextStep", "Disabled"))
        if disabled.independent_agents and disabled.agents_per_env > 1:
            continue  # agents with episodes of their own are reset one by one in one mode only
        with subtests.test(str(case)):
            assert_next_step_is_disabled_with_resets(following, disabled)


def assert_next_step_is_disabled_with_resets(following, disabled):
    disabled.reset(seed=0)
    following.reset(seed=0)
    tally, resetting = Tally(disabled), False
    for action in random_actions(following, 150):
        result = snapshot(following.step(action))
        assert about_ends(following, result[4]) == {}
        if resetting:
            assert np.array_equal(result[0], disabled.reset()[0])
            assert not any(array.any() for array in result[1:4])
            resetting = False
        else:
            expected = snapshot(disabled.step(action))
            assert_same(result, expected)
            tally.add(expected)
            resetting = tally.restart.all()
    assert tally.episodes


def test_disabled_refuses_a_step_of_an_ended_copy_until_it_is_reset(name):
    env = make(name, 3, autoreset_mode="Disabled", max_steps=5)
    if env.independent_agents and env.agents_per_env > 1:
        pytest.skip("agents with episodes of their own just stay out")
    tally = Tally(env)
    env.reset(seed=0)
    tally.add(env.step(random_actions(env, 1)[0]))
    mask = np.repeat([True, False, True], env.agents_per_env)  # the copy 1 is a step ahead of the others
    env.reset(options={"reset_mask": mask})
    tally.going[mask], tally.restart[mask] = True, False
    actions = iter(random_actions(env, 40, seed=5))
    while not tally.restart.any():
        tally.add(env.step(next(actions)))
    assert not tally.restart.all()
    action, state = next(actions), env.get_state()
    with pytest.raises(error.ResetNeeded, match=r"row \d+.*reset_mask"):
        env.step(action)
    assert np.array_equal(env.get_state(), state)
    env.reset(options={"reset_mask": tally.restart})
    env.step(action)


def test_a_partial_reset_leaves_other_rows_and_the_options_alone(in_every_mode):
    @in_every_mode
    def check(case, mode):
        env = case.make(4, autoreset_mode=mode, max_steps=500, copy=True)
        play(env, random_actions(env, 3 if mode != "Disabled" else 1))
        mask = np.repeat([False, True, False, True], env.agents_per_env)
        options = {"reset_mask": mask}
        before, state = env.observations.copy(), env.get_state()
        observations, info = env.reset(options=options)
        assert about_ends(env, info) == {}
        assert np.array_equal(observations[~mask], before[~mask])
        assert np.array_equal(env.get_state()[[0, 2]], state[[0, 2]])
        assert begins_alike(case.name) or not np.array_equal(env.get_state()[[1, 3]], state[[1, 3]])
        assert options == {"reset_mask": mask}
        assert mask.tolist() == np.repeat([False, True, False, True], env.agents_per_env).tolist()
        env.reset(options=options, seed=9)
        assert np.array_equal(env.get_state()[[0, 2]], state[[0, 2]])


def test_a_partial_reset_with_a_seed_is_the_reset_of_that_seed(name):
    env, fresh = make(name, 4), make(name, 4)
    play_at_random(env, 5)
    mask = np.repeat([False, True, False, True], env.agents_per_env)
    observations, _ = env.reset(seed=77, options={"reset_mask": mask})
    assert np.array_equal(observations[mask], fresh.reset(seed=77)[0][mask])
    assert np.array_equal(env.get_state()[[1, 3]], fresh.get_state()[[1, 3]])


# ---- Arrays ----


def test_adopted_buffers_are_written_in_place(name):
    own = make(name, 3, max_steps=20)
    buf = {key: np.full_like(getattr(own.buffers, key), 1) for key in BUFFERS}
    env = make(name, 3, max_steps=20, buf=buf)
    own.reset(seed=0)
    env.reset(seed=0)
    assert np.array_equal(buf["observations"], own.observations)
    for action in random_actions(own, 40):
        own.step(action)
        env.step(action)
        for key in BUFFERS:
            assert np.array_equal(buf[key], getattr(own.buffers, key)), key


# ---- Seeds ----


def test_the_same_seed_gives_the_same_trace_and_another_one_another(name):
    first, again, other = (play_at_random(make(name, 16), 60, seed=seed) for seed in (5, 5, 6))
    assert_same(first, again)
    assert begins_alike(name) or not np.array_equal(show_of_chance(name, first), show_of_chance(name, other))


def test_copies_of_one_seed_differ(name):
    env = make(name, 16)
    actions = random_actions(env, 60)
    actions[:] = actions[:, :1]
    results = play(env, actions)
    first, *others = (show_of_chance(name, rows_of(results, slice(copy, None, 16))) for copy in range(16))
    assert begins_alike(name) or any(not np.array_equal(first, other) for other in others)


def test_a_list_of_seeds_gives_each_copy_the_start_of_a_single_one(name):
    env, single = make(name, 4), make(name, 1)
    seeds = [11, 2**64 - 1, 11, 0]
    by_copy = env.reset(seed=seeds)[0].reshape(4, single.num_envs, *env.single_observation_space.shape).copy()
    for copy, seed in enumerate(seeds):
        assert np.array_equal(by_copy[copy], single.reset(seed=seed)[0])
    assert np.array_equal(env.get_state([0]), env.get_state([2]))
    assert np.array_equal(env.reset(seed=np.array(seeds, np.uint64))[0].reshape(by_copy.shape), by_copy)
    assert np.array_equal(env.reset(seed=tuple(seeds))[0].reshape(by_copy.shape), by_copy)


def test_reset_without_a_seed_continues_the_streams(name):
    env, twin = make(name, 8), make(name, 8)
    states = []
    for batch in (env, twin):
        batch.reset(seed=4)
        states.append([batch.get_state(), *(batch.reset() and batch.get_state() for _ in range(3))])
    assert all(np.array_equal(one, two) for one, two in zip(*states, strict=True))
    assert begins_alike(name) or len({state.tobytes() for state in states[0]}) == 4


# ---- Pictures ----


def test_frames_show_the_copies_and_change(name):
    env = make(name, 3, render_mode="rgb_array")
    env.reset(seed=0)
    width, height = env.render_size
    frames = [env.render()]
    for step, action in enumerate(random_actions(env, 33)):
        env.step(action)
        if step % 4 == 0:  # not a multiple of the length of episodes that all last as long
            frames.append(env.render())
    for batch in frames:
        assert len(batch) == env.num_copies
        for frame in batch:
            assert (frame.shape, frame.dtype) == ((height, width, 3), np.uint8)
            assert (frame != frame[0, 0]).any()
    assert len({batch[0].tobytes() for batch in frames}) > 1
    assert len({frame.tobytes() for frame in frames[-1]}) > 1


def test_texts_change_over_an_episode(name):
    """Of environments that have them."""
    if "ansi" not in find(name).render_modes:
        return
    env = make(name, 2, render_mode="ansi")
    env.reset(seed=0)
    texts = set()
    for action in random_actions(env, 20):
        env.step(action)
        batch = env.render()
        assert len(batch) == 2
        assert all(isinstance(text, str) and text.strip() for text in batch)
        texts.add(batch[0])
    assert len(texts) > 1


def test_drawing_changes_nothing(name):
    for mode in find(name).render_modes:
        env = make(name, 2, render_mode=mode)
        play_at_random(env, 5)
        state, observations = env.get_state(), env.observations.copy()
        assert np.array_equal(env.render()[1], env.render()[1]), mode
        assert np.array_equal(env.get_state(), state), mode
        assert np.array_equal(env.observations, observations), mode
