"""MicroRTS, beside the package's own environment."""

import sys
from contextlib import closing

import gymnasium
import numpy as np
import pytest
from helpers import MODES, assert_same, run_script, snapshot
from system_cases import legal_actions

import puffer
from puffer.systems.requirements import missing

if missing("microrts"):
    pytest.skip("no gym-microrts: python -m puffer.install microrts", allow_module_level=True)

SMALL = "maps/8x8/basesWorkers8x8.xml"
WEIGHTS = (10.0, 1.0, 1.0, 0.2, 1.0, 4.0)


def make(num_envs=2, **options):
    return puffer.make("microrts", num_envs, **{"map": SMALL, "opponent": "workerRushAI", **options})


@pytest.fixture
def bare(monkeypatch):
    """What makes the package's environments, in the virtual machine that puffer has started."""
    make().close()
    from jpype.imports import registerDomain

    registerDomain("ts", alias="tests")
    registerDomain("ai")
    monkeypatch.setitem(sys.modules, "gym", gymnasium)
    from gym_microrts import microrts_ai
    from gym_microrts.envs.vec_env import MicroRTSGridModeSharedMemVecEnv

    def make_bare(bots, selves=0, max_steps=2000, **options):
        return MicroRTSGridModeSharedMemVecEnv(
            num_selfplay_envs=2 * selves,
            num_bot_envs=len(bots),
            max_steps=max_steps,
            ai2s=[getattr(microrts_ai, bot) for bot in bots],
            map_paths=[SMALL],
            reward_weight=np.array(WEIGHTS),
            **options,
        )

    return make_bare


@pytest.mark.parametrize(
    ("bots", "selves", "options"),
    [
        (["workerRushAI", "passiveAI", "POLightRush"], 0, {}),
        ([], 2, {}),
        (["workerRushAI"], 0, {"partial_obs": True}),
    ],
)
def test_it_is_the_package(bare, bots, selves, options):
    theirs = bare(bots, selves, max_steps=120, **options)
    if bots:
        ours = make(len(bots), opponent=bots, max_steps=120, **options)
    else:
        ours = make(selves, self_play=True, max_steps=120)
    rng = np.random.default_rng(4)
    expected = theirs.reset()
    observations, info = ours.reset()
    for _ in range(260):
        assert (observations == expected).all()
        mask = theirs.get_action_mask()
        assert (info["action_mask"] == mask).all()
        # A number for which nothing is legal is ignored, and may be any.
        parts = np.split(mask != 0, [6, 10, 14, 18, 22, 29], axis=-1)
        legal = np.concatenate([part | ~part.any(axis=-1, keepdims=True) for part in parts], axis=-1)
        assert (ours.action_masks.reshape(mask.shape) == legal).all()
        actions = legal_actions(ours, info, rng)
        expected, rewards, dones, infos = theirs.step(actions)
        observations, our_rewards, terminations, truncations, info = ours.step(actions)
        assert (our_rewards == rewards.astype(np.float32)).all()
        assert ((terminations | truncations) == dones).all()
        assert (info["raw_rewards"] == [one["raw_rewards"] for one in infos]).all()
    theirs.vec_client.close()
    ours.close()


def until_the_end(env):
    """The results of the steps until an episode terminates."""
    rng = np.random.default_rng(0)
    _, info = env.reset()
    results = []
    while not results or not results[-1][2].any():
        results.append(snapshot(env.step(legal_actions(env, info, rng))))
        info = results[-1][-1]
    return results


@pytest.mark.parametrize("mode", MODES)
def test_a_lost_game(mode):
    with closing(make(1, autoreset_mode=mode)) as env:
        first = env.reset()[0].copy()
        observations, rewards, terminations, truncations, info = until_the_end(env)[-1]
        assert rewards[0] == -10
        assert terminations[0]
        assert not truncations[0]
        last = info["final_obs"][0] if mode == "SameStep" else observations[0]
        # The planes of the owners: nobody, the player, the other one.
        assert not last[:, :, 11].any()
        assert last[:, :, 12].any()
        if mode == "NextStep":
            observations, rewards, terminations, _, info = env.step(np.zeros((1, 448), int))
            assert not rewards[0]
            assert not terminations[0]
        elif mode == "Disabled":
            observations, info = env.reset(options={"reset_mask": np.array([True])})
        assert (observations == first).all()
        assert info["action_mask"].any()


def test_both_players_of_a_copy_end_together():
    with closing(make(2, self_play=True)) as env:
        assert (env.num_envs, env.agents_per_env) == (4, 2)
        rng = np.random.default_rng(2)
        _, info = env.reset()
        for _ in range(5000):
            *_, info = env.step(legal_actions(env, info, rng))
            if "final_info" in info:
                break
        ended = info["_final_obs"].reshape(2, 2)
        assert (ended[:, 0] == ended[:, 1]).all()
        raw = info["final_info"]["raw_rewards"].reshape(2, 2, 6)[ended[:, 0]]
        assert set(raw[0, :, 0]) == {-1, 1}


def test_the_mask_in_the_observation():
    with closing(make(2)) as plain, closing(make(2, action_mask=True)) as both:
        assert both.layout.space["action_mask"].shape == (64, 78)
        rng = np.random.default_rng(1)
        planes, info = plain.reset()
        observations, _ = both.reset()
        for _ in range(30):
            parts = both.layout.view(observations)
            assert (parts["planes"] == planes).all()
            assert (parts["action_mask"] == info["action_mask"]).all()
            actions = legal_actions(plain, info, rng)
            planes, *_, info = plain.step(actions)
            observations, *_ = both.step(actions)


def test_rows_of_the_caller_are_what_the_game_writes_to():
    mine = {"observations": np.zeros((2, 8, 8, 27), np.int32), "actions": np.zeros((2, 448), np.int32)}
    with closing(make(2, buf=mine)) as env, closing(make(2)) as other:
        rng = np.random.default_rng(1)
        _, info = env.reset()
        other.reset()
        for _ in range(30):
            actions = legal_actions(env, info, rng)
            *_, info = env.step(actions)
            assert (mine["observations"] == other.step(actions)[0]).all()


def test_masks_that_were_returned_stay_as_they_are():
    for copy in (False, True):
        with closing(make(1, copy=copy)) as env:
            kept = env.reset()[1]["action_mask"]
            before = kept.copy()
            # The worker sets out to the left.
            info = env.step(np.where(np.arange(448) % 7 == 0, 1, 0)[np.newaxis])[-1]
            assert (info["action_mask"] != before).any()
            assert (kept == before).all()
            assert not np.shares_memory(kept, info["action_mask"])


def test_parts_and_bots_in_turn():
    bots = ["workerRushAI", "passiveAI"]
    with closing(make(4, opponent=bots)) as whole, closing(make(4, opponent=bots, batch_size=1)) as parts:
        rng = np.random.default_rng(1)
        _, info = whole.reset()
        parts.reset()
        for _ in range(150):
            actions = legal_actions(whole, info, rng)
            observations, *_, info = whole.step(actions)
            for action in actions:
                parts.send(action[np.newaxis])
            for row in range(4):
                part = parts.recv()
                assert (part[0][0] == observations[row]).all()
        # The passive one has not moved.
        assert (observations[0] != observations[1]).any()


def test_a_reset_of_single_copies():
    with closing(make(3)) as env:
        rng = np.random.default_rng(1)
        first, info = snapshot(env.reset())
        for _ in range(40):
            before, *_, info = env.step(legal_actions(env, info, rng))
        before = before.copy()
        observations, info = env.reset(options={"reset_mask": np.array([False, True, False])})
        assert (observations[1] == first[1]).all()
        assert (observations[::2] == before[::2]).all()
        assert info["_action_mask"].tolist() == [False, True, False]


def test_actions_that_are_not_legal_do_nothing_bad():
    with closing(make(2, self_play=True)) as env:
        rng = np.random.default_rng(1)
        env.reset()
        space = env.single_action_space
        for _ in range(150):
            env.step(rng.integers(space.nvec, size=(4, len(space.nvec))))
        with pytest.raises(ValueError, match=r"actions\[1, 6\]"):
            env.step(np.where((np.arange(4) == 1)[:, np.newaxis] & (np.arange(448) == 6), 49, 0))


def random_game(bot, steps=60):
    with closing(make(1, opponent=bot)) as env:
        env.reset(seed=1)
        return [env.step(np.zeros((1, 448), int))[0].copy() for _ in range(steps)]


def test_random_bots_cannot_be_seeded():
    assert_same(random_game("lightRushAI"), random_game("lightRushAI"))
    games = [np.stack(random_game("randomBiasedAI")) for _ in range(5)]
    assert any((game != games[0]).any() for game in games)


def test_maps():
    for name in ("basesWorkers16x16", "16x16/basesWorkers16x16", "maps/16x16/basesWorkers16x16.xml"):
        with closing(make(1, map=name)) as env:
            assert env.single_observation_space.shape == (16, 16, 27)
    with closing(make(1, map="NoWhereToRun9x8")) as env:
        assert env.reset()[0].shape[1:3] == (8, 9)


def test_a_map_of_ones_own(tmp_path):
    from puffer.systems.microrts import _map_file

    path = tmp_path / "mine.xml"
    path.write_text(_map_file(SMALL).read_text())
    with closing(make(1, map=str(path))) as env, closing(make(1)) as other:
        assert (env.reset()[0] == other.reset()[0]).all()
    path.write_text("<a/>")
    with pytest.raises(ValueError, match=r"map must be a map of MicroRTS, got .*mine\.xml"):
        make(1, map=str(path))


@pytest.mark.parametrize("bots", ["workerRushAI", "self-play"])
def test_pictures(bots):
    options = {"self_play": True} if bots == "self-play" else {}
    with closing(make(2, render_mode="rgb_array", **options)) as env:
        env.reset()
        frames = env.render()
        assert [(frame.shape, frame.dtype) for frame in frames] == [((640, 640, 3), np.uint8)] * 2
        assert len(np.unique(frames[0].reshape(-1, 3), axis=0)) > 4
        assert (frames[0] == frames[1]).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"opponent": "coac"}, ValueError, "opponent must be one of .*'coacAI'.*got 'coac'"),
        ({"opponent": ["workerRushAI", 3]}, ValueError, r"opponent\[1\] must be one of .*got 3"),
        ({"opponent": []}, ValueError, "opponent must be a bot or a sequence of at least one"),
        ({"opponent": None}, ValueError, "opponent must be one of"),
        ({"map": "nowhere"}, ValueError, "map must be the name or the path of a map, got 'nowhere'"),
        ({"map": "16x16/basesWorker"}, ValueError, "did you mean '16x16/basesWorkers16x16"),
        ({"map": 3}, TypeError, "map"),
        ({"self_play": 1}, TypeError, "self_play must be a bool"),
        ({"max_steps": 0}, ValueError, "max_steps"),
        ({"reward_weights": [1, 2]}, ValueError, r"reward_weights must be 6 numbers, got \[1, 2\]"),
        ({"reward_weights": [1, 2, 3, 4, 5, "x"]}, TypeError, r"reward_weights\[5\]"),
        ({"reward_weights": 3}, ValueError, "reward_weights"),
        ({"render_mode": "ansi"}, ValueError, "render_mode"),
        ({"bot": "coacAI"}, TypeError, "microrts got an unexpected keyword argument 'bot'"),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        make(**options)


def test_the_virtual_machine_is_one_that_runs_already():
    run_script(
        "import sys, gymnasium, numpy as np\n"
        "sys.modules['gym'] = gymnasium\n"
        "from gym_microrts import microrts_ai\n"
        "from gym_microrts.envs.vec_env import MicroRTSGridModeSharedMemVecEnv as Bare\n"
        f"bare = Bare(0, 1, ai2s=[microrts_ai.workerRushAI], map_paths=[{SMALL!r}])\n"
        "import puffer\n"
        f"env = puffer.make('microrts', 2, map={SMALL!r})\n"
        "assert (env.reset()[0] == bare.reset()).all()\n"
    )


def test_control_c_is_an_exception_of_python():
    run_script(
        "import os, signal, time, puffer\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"env = puffer.make('microrts', 1, map={SMALL!r})\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    for _ in range(2000):\n"
        "        time.sleep(0.01)\n"
        "    raise SystemExit('not interrupted')\n"
        "except KeyboardInterrupt:\n"
        "    pass\n"
        "env.reset()\n"
    )


@pytest.mark.skipif(bool(missing("procgen")), reason="python -m puffer.install procgen")
def test_java_leaves_the_stack_to_the_libraries_of_other_systems():
    printed = run_script(
        "import puffer\n"
        "puffer.make('microrts').reset()\n"
        "env = puffer.make('procgen-coinrun')\n"
        "env.reset(seed=0)\n"
        "print(env.render_copy(0).shape)"
    )
    assert printed.strip() == "(512, 512, 3)"
