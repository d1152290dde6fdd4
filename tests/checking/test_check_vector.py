"""`check_env` of vector environments: one deliberate mistake each, and Gymnasium's own."""

import os
import threading
from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

import puffer

pytestmark = pytest.mark.filterwarnings("ignore::puffer.CheckWarning")

NEXT, SAME, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED


class Walk(gymnasium.Env):
    """A walk on a line, six to twelve steps long."""

    observation_space = spaces.Box(-100, 100, (2,), np.float32)
    action_space = spaces.Discrete(3, start=-1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        self.x, self.length = self.np_random.uniform(-1, 1), self.np_random.integers(6, 13)
        return self.observe(), {"length": int(self.length)}

    def step(self, action):
        assert action in self.action_space
        self.t += 1
        self.x += action
        return self.observe(), self.x, bool(self.t == self.length), False, {"t": self.t, "at": {"x": self.x}}

    def observe(self):
        return np.array([self.x, self.t], np.float32)


class Batch(SyncVectorEnv):
    """A correct vector environment of four walks: Gymnasium's, without the faults that it has."""

    mode = NEXT

    def __init__(self, copy=True):
        super().__init__([Walk] * 4, autoreset_mode=self.mode, copy=copy)

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed, options=None if options is None else dict(options))

    def step(self, actions):
        if self.closed:
            raise gymnasium.error.ClosedEnvironmentError("closed")
        if np.shape(actions) != (4,) or not self.action_space.contains(actions):
            raise ValueError(f"bad actions: {actions}")
        return super().step(actions)


class Same(Batch):
    mode = SAME


class Disabled(Batch):
    mode = DISABLED


@pytest.mark.parametrize("env", [Batch, Same, Disabled])
def test_a_correct_vector_environment_passes(env):
    report = puffer.check_env(env, steps=60)
    assert report.problems == report.suspicions == report.skipped == []


def after_step(change, base=Batch):
    """A batch whose step returns what `change` makes of a correct result."""

    class Changed(base):
        def step(self, actions):
            return change(self, *super().step(actions))

    return Changed


def declared(**attributes):
    class Declared(Batch):
        def __init__(self):
            super().__init__()
            vars(self).update(attributes)

    return Declared


class IgnoresMask(Batch):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)


class TakesMaskOut(Batch):
    def reset(self, *, seed=None, options=None):
        return SyncVectorEnv.reset(self, seed=seed, options=options)


class ChangesMask(Batch):
    def reset(self, *, seed=None, options=None):
        result = super().reset(seed=seed, options=options)
        if options is not None:
            options["reset_mask"][:] = False
        return result


class TakesAnyMask(Batch):
    def reset(self, *, seed=None, options=None):
        if options is not None:
            options = {"reset_mask": np.resize(np.asarray(options["reset_mask"], bool), 4)}
            options["reset_mask"][0] = True
        return super().reset(seed=seed, options=options)


class InfoOfOthers(Batch):
    def reset(self, *, seed=None, options=None):
        observations, info = super().reset(seed=seed, options=options)
        if options is not None:
            info["_length"][:] = True
        return observations, info


class OneSeed(Batch):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=[seed] * 4 if isinstance(seed, int) else seed, options=options)


class SeedsOfOrder(Batch):
    def reset(self, *, seed=None, options=None):
        seed = [one + row for row, one in enumerate(seed)] if isinstance(seed, list) else seed
        return super().reset(seed=seed, options=options)


class NoSeeds(Batch):
    def reset(self, *, seed=None, options=None):
        return super().reset(options=options)


class ResetsAgain(Batch):
    """After the end of an episode, the step after reset() resets once more."""

    late = False

    def reset(self, *, seed=None, options=None):
        result = super().reset(seed=seed, options=options)
        self._autoreset_envs[:] = self.late
        return result

    def step(self, actions):
        result = super().step(actions)
        self.late = (result[2] | result[3]).any()
        return result


class StepsThroughReset(Batch):
    """In NEXT_STEP mode the action moves the walk that has just been reset."""

    def step(self, actions):
        waiting = self._autoreset_envs.copy()
        result = super().step(actions)
        result[0][waiting, 0] += actions[waiting]
        return result


class LiveRows(Batch):
    def step(self, actions):
        observations, *rest = super().step(actions)
        self.rows = getattr(self, "rows", observations)
        self.rows[:] = observations
        return self.rows, *rest


class LiveRewards(Batch):
    def step(self, actions):
        result = super().step(actions)
        return result[0], self._rewards, *result[2:]


class LiveInfo(Batch):
    """The array of an info is overwritten in place."""

    def step(self, actions):
        result = super().step(actions)
        self.kept = getattr(self, "kept", result[4]["t"])
        self.kept[:] = result[4]["t"]
        return *result[:4], {**result[4], "t": self.kept}


class ChangesActions(Batch):
    def step(self, actions):
        result = super().step(actions)
        actions[:] = 0
        return result


class StaleRewards(Batch):
    """The step that resets repeats the reward of the last one."""

    def step(self, actions):
        waiting, before = self._autoreset_envs.copy(), self._rewards.copy()
        result = super().step(actions)
        result[1][waiting] = before[waiting] + 1
        return result


def without(*keys):
    return lambda self, *result: (*result[:4], {key: value for key, value in result[4].items() if key not in keys})


def final_as_observation(self, observations, rewards, terminations, truncations, info):
    for row, final in enumerate(info.get("final_obs", ())):
        if final is not None:
            observations[row] = final
    return observations, rewards, terminations, truncations, info


def final_outside(self, *result):
    for final in result[4].get("final_obs", ()):
        if final is not None:
            final[:] = 200
    return result


def wrong_final_mask(self, *result):
    if "_final_obs" in result[4]:
        result[4]["_final_obs"] = ~result[4]["_final_obs"]
    return result


MISTAKES = {
    "space": (declared(observation_space=Walk.observation_space), "set self.observation_space = .*batch_space"),
    "action space": (declared(action_space=Walk.action_space), "set self.action_space = .*batch_space"),
    "number": (declared(num_envs=None), "num_envs is None"),
    "mode": (declared(metadata={"autoreset_mode": "NextStep"}), "metadata..autoreset_mode.. is 'NextStep'"),
    "metadata": (declared(metadata=VectorEnv.metadata), "the dict of gymnasium.vector.VectorEnv itself"),
    "tuple": (after_step(lambda self, o, r, te, tr, i: (o, r, te, i)), "return .observations, rewards, terminations"),
    "dtype": (after_step(lambda self, o, *rest: (o.astype(np.float64), *rest)), "float64 of shape .4, 2."),
    "rows": (after_step(lambda self, o, *rest: (o[:3], *rest)), "float32 of shape .3, 2."),
    "outside": (
        after_step(lambda self, o, *rest: (np.where(o == 5, 200, o), *rest)),
        "row .: .* is 200.0, above 100.0",
    ),
    "reward": (after_step(lambda self, o, r, *rest: (o, r * np.inf, *rest)), "row .: the reward is (nan|inf|-inf)"),
    "reward dtype": (after_step(lambda self, o, r, *rest: (o, r.astype(int), *rest)), "rewards have dtype int64"),
    "reward shape": (
        after_step(lambda self, o, r, *rest: (o, r[:, None], *rest)),
        "rewards is float64 of shape .4, 1.",
    ),
    "flags": (after_step(lambda self, o, r, te, *rest: (o, r, te.astype(int), *rest)), "terminations is int64"),
    "flag list": (after_step(lambda self, o, r, te, tr, i: (o, r, te, tr.tolist(), i)), "truncations is .False"),
    "info": (after_step(lambda self, *result: (*result[:4], [])), "infos is .. of type list"),
    "info mask": (after_step(without("_t")), r"infos\['t'\] has no mask"),
    "nested mask": (after_step(lambda self, *r: (r[4]["at"].pop("_x"), r)[1]), r"infos\['at'\]\['x'\] has no mask"),
    "info column": (after_step(lambda self, *r: (r[4].update(t=3), r)[1]), r"infos\['t'\] is of type int"),
    "mask ignored": (IgnoresMask, r"observations\[1\]\[\d\] is"),
    "mask taken out": (TakesMaskOut, "read options..reset_mask.. without pop"),
    "mask changed": (ChangesMask, "changed the caller's reset_mask"),
    "any mask": (TakesAnyMask, "reset.. accepted a list as reset_mask"),
    "info of others": (InfoOfOthers, r"infos\['length'\] is about row 1, which was not reset"),
    "one seed": (OneSeed, "all copies played the same 60 steps"),
    "seed list": (SeedsOfOrder, "the same seed in copy 0 and in copy 3"),
    "no seeds": (NoSeeds, "restore everything that step.. changes, .* draw every random number"),
    "resets again": (ResetsAgain, "right after the end of an episode"),
    "action of a reset": (StepsThroughReset, "ignore the action, also for its random numbers"),
    "live rows": (LiveRows, "changed the result of the previous call"),
    "live rewards": (LiveRewards, r"\[1\]\[\d\] is"),
    "live info": (LiveInfo, r"changed an info that an earlier call returned: info\['t'\]\[0\] is 1 and 2"),
    "actions": (ChangesActions, "changed the caller's array: actions"),
    "stale rewards": (StaleRewards, "the step after the end of its episode gave reward"),
    "no final": (after_step(without("final_obs"), Same), "rows .* ended, infos have no final_obs"),
    "no final info": (after_step(without("final_info"), Same), "infos have no final_info"),
    "final mask": (after_step(wrong_final_mask, Same), "_final_obs is "),
    "final outside": (after_step(final_outside, Same), r"final_obs\[0\] is 200.0, above 100.0"),
    "no first": (after_step(final_as_observation, Same), "the observation was that of final_obs"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_found(mistake):
    env, message = MISTAKES[mistake]
    with pytest.raises(puffer.CheckFailed, match=message):
        puffer.check_env(env(), steps=60)


def test_a_batch_without_copies_is_not_asked_for_them():
    report = puffer.check_env(Batch(copy=False), steps=60)
    assert ("whether returned arrays are fresh", "made with copy=False") in report.skipped


class Forgetful(Disabled):
    """Steps what has ended."""

    def step(self, actions):
        self._autoreset_envs[:] = False
        return super().step(actions)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (Forgetful, "a row whose episode had ended was stepped"),
        (after_step(lambda self, *r: (r[4].update(final_obs=np.full(4, None), _final_obs=r[2]), r)[1]), "in the mode"),
        (declared(spec="walk"), "spec is of type str"),
    ],
)
def test_suspicions(env, message):
    with pytest.warns(puffer.CheckWarning, match=message):
        puffer.check_env(env(), steps=60)


# ---- Bad actions and calls out of order ----


class StepsFirst(Batch):
    """Looks at the actions when it has stepped."""

    def step(self, actions):
        result = SyncVectorEnv.step(self, np.clip(np.resize(actions, 4), -1, 1))
        if not self.action_space.contains(actions):
            raise ValueError("too late")
        return result


class TakesAnything(Batch):
    def step(self, actions):
        return SyncVectorEnv.step(self, np.clip(np.resize(actions, 4), -1, 1))


class Crashes(Batch):
    def step(self, actions):
        if len(actions) < 4:
            os.abort()
        return super().step(actions)


def test_bad_actions_that_step_or_pass_or_crash_are_found():
    with pytest.raises(puffer.CheckFailed, match="refuse too many actions before the first environment is stepped"):
        puffer.check_env(StepsFirst, steps=30)
    with pytest.raises(puffer.CheckFailed, match=r"accepted 5 actions for 4 rows(.|\n)*accepted the action -2"):
        puffer.check_env(TakesAnything, steps=30)
    with pytest.raises(puffer.CheckFailed, match="too few actions: the process was killed by SIGABRT") as caught:
        puffer.check_env(Crashes, steps=30)
    assert len(caught.value.problems) == 1
    assert "a step after close" in caught.value.report.checks


class Hangs(Batch):
    def step(self, actions):
        if len(actions) > 4:
            threading.Event().wait()
        return super().step(actions)


def test_a_batch_that_hangs_at_bad_actions_is_found(monkeypatch):
    monkeypatch.setattr("puffer.checking.abuse._PATIENCE", 3.0)
    with pytest.raises(puffer.CheckFailed, match="too many actions: no answer within 3 seconds"):
        puffer.check_env(Hangs, steps=30)


def test_what_cannot_be_made_in_another_process_is_said():
    lock = threading.Lock()
    report = puffer.check_env(lambda: lock and Batch(), steps=30)
    assert "cannot be pickled" in str(report)
    here = os.getpid()
    report = puffer.check_env(lambda: Batch() if os.getpid() == here else os.abort(), steps=30)
    assert "could not make the environment: the process was killed by SIGABRT" in str(report)


# ---- Real ones ----


def gymnasium_batch(kind, mode):
    return gymnasium.make_vec("CartPole-v1", 3, vectorization_mode=kind, vector_kwargs={"autoreset_mode": mode})


# Warnings that are errors would be raised in the workers, too.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("mode", [NEXT, SAME, DISABLED])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_gymnasium_has_the_known_fault_only(kind, mode):
    with pytest.raises(puffer.CheckFailed) as caught:
        puffer.check_env(gymnasium_batch(kind, mode), steps=40)
    assert [problem.check for problem in caught.value.problems] == ["partial resets"]
    assert "'reset_mask' out of the caller's dict" in str(caught.value)


def test_gymnasium_has_stepped_when_it_refuses():
    with pytest.raises(puffer.CheckFailed) as caught:
        puffer.check_env(partial(gymnasium_batch, "sync", NEXT), steps=20)
    checks = [problem.check for problem in caught.value.problems]
    assert checks[:3] == ["partial resets", "too many actions", "too few actions"]
    assert set(checks[3:]) <= {"actions out of range"}


def test_async_without_shared_memory_resets_again():
    env = AsyncVectorEnv([Walk] * 2, shared_memory=False)
    with pytest.raises(puffer.CheckFailed, match="reset.. and 60 steps, twice|right after the end"):
        puffer.check_env(env, steps=60)


@pytest.mark.parametrize("mode", ["SameStep", "NextStep", "Disabled"])
@pytest.mark.parametrize("options", [{"backend": "serial"}, {"backend": "process", "num_workers": 1}])
def test_our_batches_of_python_environments_pass(mode, options):
    env = partial(puffer.emulate, Walk, 4, copy=True, autoreset_mode=mode, **options)
    made = env if options["backend"] == "serial" else env()
    assert puffer.check_env(made, steps=40).problems == []


def test_names_of_python_environments():
    assert puffer.check_env("gym-CartPole-v1", steps=40).problems == []


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_envpool_ignores_seeds(name):
    envpool = pytest.importorskip("envpool")
    with pytest.raises(puffer.CheckFailed) as caught:
        puffer.check_env(envpool.make_gymnasium(name, num_envs=3), steps=20)
    checks = {problem.check for problem in caught.value.problems}
    assert {"declarations", "random play", "seeds", "partial resets"} <= checks
