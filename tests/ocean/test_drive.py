"""Drive against recordings of GPUDrive, shapely's geometry and a twin of its dynamics; and its scenes.

pytest tests/ocean/test_drive.py --package-steps=100000    # pairs of boxes that are compared with shapely
"""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gpudrive_scene import line, point, scene, write
from helpers import make

from puffer.ocean.drive import SCENARIOS, read_scene, synthetic_scene, write_scene

RECORDED = Path(__file__).parents[1] / "systems" / "gpudrive_traces.npz"
SETTINGS = ("Classic/AgentStop", "Classic/Ignore", "InvertibleBicycle/Ignore", "DeltaLocal/Ignore")
# The agents of the recorded scenes; the seventh object follows its recording.
AGENTS, EXPERT, STEPS = 6, 16, 90


def game_of(env):
    return env.unwrapped.native_env


def views(env, observations):
    return env.layout.view(observations)


def play(scenes, **options):
    """A batch with a copy for each scene, which takes the numbers of actions."""
    options = {"continuous_actions": True, "autoreset_mode": "Disabled", **options}
    env = make("ocean-drive", len(scenes), scenes=scenes, **options)
    env.set_next(list(range(len(scenes))), scene=list(range(len(scenes))))
    return env


# ---- What GPUDrive did ----


@pytest.fixture(scope="module")
def recorded():
    return np.load(RECORDED)


@pytest.fixture
def scenes(recorded, tmp_path):
    """The recorded scenes, with their objects a step later: in the simulator the recorded object waits a step."""
    paths = [write(tmp_path, recorded[name].tobytes().decode(), name) for name in ("bend", "wave")]
    found = [read_scene(path) for path in paths]
    return [replace(one, tracks=np.concatenate([one.tracks[:, :1], one.tracks[:, :-1]], axis=1)) for one in found]


@pytest.mark.parametrize("setting", SETTINGS)
def test_everything_is_as_the_simulator_recorded_it(setting, recorded, scenes):
    dynamics, collisions = setting.split("/")
    theirs = {
        name: recorded[f"{setting}/{name}"][:, :, :AGENTS]
        for name in ("action", "self", "reward", "info", "done", "partners")
    }
    env = play(scenes, dynamics=dynamics, collisions=collisions.replace("Stop", "Removed"), road_points=200,
               max_partners=6, collision_weight=0, off_road_weight=0)  # fmt: skip
    observations, _ = env.reset()
    alive, parts = np.ones((2, AGENTS), bool), env.single_action_space.shape[0]
    for step in range(STEPS):
        if step:
            actions = theirs["action"][step - 1][..., :parts].reshape(-1, parts)
            observations, rewards, terminations, truncations, _ = env.step(actions)
            crashed = theirs["info"][step][..., :3].any(axis=-1) & (collisions != "Ignore")
            ended = alive & ((theirs["done"][step][..., 0] != 0) | crashed)
            assert np.array_equal(rewards.reshape(2, AGENTS), np.where(alive, theirs["reward"][step][..., 0], 0))
            assert np.array_equal(terminations.reshape(2, AGENTS), ended)
            assert not truncations.any()
        else:
            ended = ~alive
        shown = {name: view.reshape(2, AGENTS, *view.shape[1:]) for name, view in views(env, observations).items()}
        assert np.allclose(shown["self"][alive], theirs["self"][step][alive], rtol=1e-4, atol=1e-3)
        if step % 15 == 0:
            expected = theirs["partners"][step // 15][..., :6, :]
            expected = np.where(expected[..., 8:] < 0, 0, expected)
            # Here those at the end of the rows are seen for a step longer, if they have just ended.
            assert np.allclose(shown["partners"][alive], expected[alive], rtol=1e-4, atol=2e-3)
        if step % 30 == 0 and setting == "Classic/Ignore":
            for ours, rows in zip(shown["road"][:, 0], recorded["road"][step // 30][:, 0], strict=True):
                ordered = [one[np.lexsort(np.round(one, 2).T)] for one in (ours, rows)]
                assert np.allclose(*ordered, rtol=1e-4, atol=1e-2)
        alive &= ~ended


# ---- Dynamics ----


def twin_step(state, action, length):
    """A step of the bicycle, in double precision."""
    x, y, heading, speed = state
    acceleration, steering = action
    slip = np.arctan(np.tan(steering) / 2)
    middle = speed + acceleration * 0.05
    x, y = x + middle * np.cos(heading + slip) * 0.1, y + middle * np.sin(heading + slip) * 0.1
    heading = heading + middle * np.cos(slip) * np.tan(steering) / length * 0.1
    return x, y, heading, abs(speed + acceleration * 0.1)


@pytest.mark.parametrize("continuous", [True, False])
def test_the_bicycle_is_that_of_the_twin(continuous, rng):
    made = replace(synthetic_scene("curve", agents=4, seed=2), points=np.zeros((0, 9), np.float32))
    env = play([made], collisions="Ignore", continuous_actions=continuous, goal_radius=0.1)
    env.reset()
    states = [(*made.tracks[k, 0, :3].astype(float), float(made.tracks[k, 0, 3])) for k in range(4)]
    # The grid of GPUDrive's actions.
    grid = [(a, s) for a in np.linspace(-4, 4, 7) for s in np.linspace(-np.pi / 3, np.pi / 3, 13)]
    for _ in range(STEPS - 1):
        chosen = rng.integers(len(grid), size=4)
        numbers = [rng.uniform((-4, -1), (4, 1)) if continuous else grid[k] for k in chosen]
        env.step(np.float32(numbers) if continuous else chosen)
        states = [twin_step(*one) for one in zip(states, numbers, made.sizes[:, 0].tolist(), strict=True)]
        bodies, expected = game_of(env).state(0)["bodies"], np.array(states)
        assert np.allclose(bodies[:, [0, 1, 3]], expected[:, [0, 1, 3]], rtol=1e-4, atol=2e-3)
        assert np.abs(np.exp(1j * bodies[:, 2]) - np.exp(1j * expected[:, 2])).max() < 1e-3


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_who_drives_as_recorded_reaches_the_goal_and_touches_nothing(scenario):
    made = [synthetic_scene(scenario, agents=agents, seed=agents) for agents in (8, 16)]
    for one in made:
        env = play([one], dynamics="DeltaLocal")
        env.reset()
        goals = np.zeros(env.num_envs, bool)
        for step in range(STEPS):
            now, then = (one.tracks[:, k].astype(float) for k in (step, step + 1))
            cosine, sine = np.cos(now[:, 2]), np.sin(now[:, 2])
            x, y = (then - now)[:, 0], (then - now)[:, 1]
            turn = np.remainder(then[:, 2] - now[:, 2] + np.pi, 2 * np.pi) - np.pi
            moves = np.stack([x * cosine + y * sine, y * cosine - x * sine, turn], axis=1)
            _, rewards, terminations, _, _ = env.step(moves.astype(np.float32))
            assert np.array_equal(rewards, terminations)
            goals |= terminations
            if goals.all():
                break
        assert goals.all()
        stats = env.stats()
        assert (stats["goal_rate"], stats["collision_rate"], stats["off_road_rate"]) == (1, 0, 0)


def test_recorded_objects_follow_their_recording(recorded, tmp_path):
    one = read_scene(write(tmp_path, recorded["wave"].tobytes().decode()))
    one.valid[5:, 40:60] = False
    env = play([one], agents=1, collisions="Ignore")
    env.reset()
    for step in range(1, STEPS + 1):
        env.step(np.zeros((1, 2), np.float32))
        bodies = game_of(env).state(0)["bodies"][1:]
        there = one.valid[1:, step]
        assert np.array_equal(bodies[:, 4] > 0, there)
        assert np.array_equal(bodies[there][:, [0, 1, 3]], one.tracks[1:, step][there][:, [0, 1, 3]])
        assert np.allclose(bodies[there][:, 2], one.tracks[1:, step][there][:, 2], atol=1e-6)


# ---- Geometry ----


def box(shapely, x, y, heading, half_length, half_width):
    """The boxes of arrays of numbers, as polygons."""
    way, side = (np.stack([np.cos(heading + k), np.sin(heading + k)], axis=-1) for k in (0, np.pi / 2))
    middle = np.stack([x, y], axis=-1)
    corners = [middle + a * half_length[..., None] * way + b * half_width[..., None] * side
               for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1))]  # fmt: skip
    return shapely.polygons(np.stack(corners, axis=-2))


def test_boxes_touch_where_shapely_says_so(request, rng):
    shapely = pytest.importorskip("shapely", reason="pip install shapely")
    pairs = request.config.getoption("--package-steps")
    for _ in range(max(1, pairs // 1000)):
        compare_a_thousand_pairs(shapely, rng)


def compare_a_thousand_pairs(shapely, rng):
    """A vehicle stands still, and another object is somewhere else in every step; around them lie edges of a road."""
    steps, kinds = 1000, np.array([7, rng.choice([7, 8, 9])], np.int32)
    tracks = np.zeros((2, steps, 4), np.float32)
    tracks[1, :, :2], tracks[1, :, 2] = rng.uniform(-6, 6, (steps, 2)), rng.uniform(-np.pi, np.pi, steps)
    tracks[0, :, 2] = rng.uniform(-3, 3)
    points = np.zeros((8, 9), np.float32)
    points[:, :2], points[:, 2] = rng.uniform(-9, 9, (8, 2)), rng.uniform(0.1, 5, 8)
    points[:, 3:5], points[:, 5], points[:, 6] = 0.1, rng.uniform(-3, 3, 8), 1
    made = replace(
        synthetic_scene("straight", agents=2),
        sizes=rng.uniform(0.5, 8, (2, 3)).astype(np.float32), kinds=kinds, experts=np.array([False, True]),
        goals=np.full((2, 2), 500, np.float32), tracks=tracks, valid=np.ones((2, steps), bool), points=points,
    )  # fmt: skip
    half = made.sizes[:, :2].astype(float) * 0.35
    place = tracks.astype(float)
    own = box(shapely, *place[0, 0, :3].T, *half[0])
    others = box(shapely, *place[1, 1:, :3].T, np.full(steps - 1, half[1, 0]), np.full(steps - 1, half[1, 1]))
    edges = box(shapely, *points[:, [0, 1, 5, 2, 3]].astype(float).T)
    weights = {"collision_weight": 1, "off_road_weight": 2}
    env = play([made], dynamics="DeltaLocal", collisions="Ignore", max_steps=steps, **weights)
    env.reset()
    rewards, distances = [], []
    for _ in range(steps - 1):
        observations, reward, *_ = env.step(np.zeros((1, 3), np.float32))
        rewards.append(reward[0])
        distances.append(np.hypot(*views(env, observations)["partners"][0, 0, 1:3]))
    rewards, touching = np.array(rewards).astype(int), shapely.intersects(own, others)
    # Where rounding decides, both are right.
    clear = shapely.intersects(own.buffer(1e-4), others) == shapely.intersects(own.buffer(-1e-4), others)
    assert np.array_equal((rewards & 1)[clear], touching[clear])
    assert clear.mean() > 0.99
    assert np.allclose(distances, shapely.distance(shapely.Point(0, 0), shapely.points(place[1, 1:, :2])), atol=1e-4)
    if shapely.intersects(own.buffer(1e-4), edges).any() == shapely.intersects(own.buffer(-1e-4), edges).any():
        assert (rewards >> 1 == shapely.intersects(own, edges).any()).all()


def moved_scene(made, angle, shift):
    """A scene of JSON, turned and then shifted."""
    made, (cosine, sine) = deepcopy(made), (np.cos(angle), np.sin(angle))

    def move(place, x, y):
        place.update(x=cosine * place["x"] - sine * place["y"] + x, y=sine * place["x"] + cosine * place["y"] + y)

    for one in made["objects"]:
        for place in [*one["position"], one["goalPosition"]]:
            move(place, *shift)
        for velocity in one["velocity"]:
            move(velocity, 0, 0)
        one["heading"] = [heading + angle for heading in one["heading"]]
    for place in [place for road in made["roads"] for place in road["geometry"]]:
        move(place, *shift)
    return made


def test_a_scene_may_lie_anywhere_and_be_turned(recorded, tmp_path, rng):
    made = json.loads(recorded["wave"].tobytes())
    paths = [write(tmp_path, one, f"{k}") for k, one in enumerate([made, moved_scene(made, 2.1, (31_000, -7_500))])]
    env = play(paths, collisions="Ignore", road_points=200)
    env.reset()
    for _ in range(40):
        actions = rng.uniform((-2, -0.2), (2, 0.2), (AGENTS, 2)).astype(np.float32)
        observations, rewards, terminations, *_ = env.step(np.tile(actions, (2, 1)))
        rows = {name: view.reshape(2, AGENTS, *view.shape[1:]) for name, view in views(env, observations).items()}
        assert np.array_equal(*rewards.reshape(2, AGENTS))
        assert np.array_equal(*terminations.reshape(2, AGENTS))
        assert np.allclose(*rows["self"], atol=2e-3)
        assert np.allclose(*rows["partners"], atol=2e-3)
        for ours, theirs in zip(*rows["road"], strict=True):
            # In another order, because the cells lie otherwise.
            inside = [one[(np.hypot(one[:, 0], one[:, 1]) < 49.9) & (one[:, 6] > 0)] for one in (ours, theirs)]
            apart = np.abs(inside[0][:, None] - inside[1]).max(axis=2)
            assert len(inside[0]) == len(inside[1])
            assert max(apart.min(axis=0).max(initial=0), apart.min(axis=1).max(initial=0)) < 5e-3


def test_the_nearest_rows_of_the_road_are_seen(rng):
    env, whole = (make("ocean-drive", 2, scenario="roundabout", num_scenes=2, road_points=count, collisions="Ignore")
                  for count in (40, 800))  # fmt: skip
    actions = rng.integers(91, size=(25, env.num_envs))
    for result in zip(*([one.reset(seed=4), *map(one.step, actions)] for one in (env, whole)), strict=True):
        few, all_rows = (views(one, shown[0])["road"] for one, shown in zip((env, whole), result, strict=True))
        assert np.array_equal(few, all_rows[:, :40])
        ways = np.where(all_rows[..., 6] > 0, np.hypot(all_rows[..., 0], all_rows[..., 1]), 100)
        # Within a cell of 4 m, to half a metre.
        assert (np.diff(ways, axis=1) > -0.5 - 4 * np.sqrt(2) - 1e-3).all()
        assert (ways[few[:, -1, 6] > 0][:, :40] <= 50).all()


# ---- Collisions, goals, rewards ----


def two_cars(tmp_path, gap=10.0):
    """A car that drives up behind another one, which is not controlled."""
    made = scene(2)
    made["objects"][0]["position"] = [point(0.8 * k, -2) for k in range(91)]
    made["objects"][1].update(position=[point(gap, -2)] * 91, velocity=[{"x": 0.0, "y": 0.0}] * 91,
                              goalPosition=point(500, 0), mark_as_expert=True)  # fmt: skip
    made["objects"][0]["goalPosition"] = point(72, -2)
    return read_scene(write(tmp_path, made))


@pytest.mark.parametrize("collisions", ["AgentStop", "AgentRemoved", "Ignore"])
def test_what_agents_do_that_touch_others(collisions, tmp_path):
    env = play([two_cars(tmp_path)], collisions=collisions, collision_weight=-3, progress_weight=0.5)
    env.reset()
    steps = [env.step(np.zeros((1, 2), np.float32)) for _ in range(9)]
    rewards, ends = np.array([one[1][0] for one in steps]), [bool(one[2][0]) for one in steps]
    # 10 m less two halves of 0.7 times 4.5 m are 6.85 m, at 8 m/s.
    assert np.allclose(rewards[:8], 0.4, atol=1e-4)
    assert rewards[8] == pytest.approx(0.4 - 3, abs=1e-4)
    assert ends.index(True) == 8 if collisions != "Ignore" else not any(ends)


def test_who_has_ended_stands_in_the_way_or_is_gone(tmp_path):
    made = scene(2)
    for k, x in enumerate((0.0, -9.0)):
        made["objects"][k].update(position=[point(x, -2)] * 91, goalPosition=point(300, -2))
    made["roads"][0]["geometry"] = [point(6, -9), point(6, 9)]
    path = write(tmp_path, made)
    for collisions, expected in (("AgentStop", 1), ("AgentRemoved", 0)):
        env = play([path], collisions=collisions)
        env.reset()
        ends = np.array([env.step(np.zeros((2, 2), np.float32))[2] for _ in range(14)])
        # The first car touches the edge of the road at once, and the second drives to where that is.
        assert ends[:, 0].any()
        assert ends[:, 1].any() == expected
        assert game_of(env).state(0)["bodies"][0, 4] == expected
        assert env.stats()["off_road_rate"] == 1 / (1 + expected)


# ---- Scenes ----


def test_a_malformed_scene_is_named_with_its_field(tmp_path):
    def spoil(change):
        made = scene(2)
        change(made)
        return write(tmp_path, made)

    cases = [
        (
            lambda made: made["objects"][1]["position"].__setitem__(7, {"x": "a", "y": 0}),
            r"objects\[1\].position\[7\].x",
        ),
        (lambda made: made["objects"][0].pop("goalPosition"), r"objects\[0\].goalPosition is missing"),
        (lambda made: made["roads"][2].update(id=-1), r"roads\[2\].id"),
        (lambda made: made["objects"][1].update(length=0), r"objects\[1\].length must be 0.01 to"),
        (lambda made: made["objects"][0].update(width=1e7), r"objects\[0\].width"),
        (lambda made: made["objects"][0]["position"][3].update(x=1e30), r"objects\[0\].position\[3\].x"),
        (lambda made: made.update(objects=[]), "objects must have 1 to"),
        # Farther than a body can drive, though each position by itself may be.
        (lambda made: made["roads"].append(line(300, 5e5, "lane")), "points must be at most 100,000 m"),
        (lambda made: made["objects"][0]["goalPosition"].update(x=3e7), "goals must be at most 100,000 m"),
    ]
    for change, field in cases:
        with pytest.raises(ValueError, match=rf"scene.json.*{field}"):
            make("ocean-drive", 1, scenes=[spoil(change)])
    (tmp_path / "no.npz").write_bytes(b"x")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.save(tmp_path / "array", np.zeros(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    for wrong, error, words in (
        ([], ValueError, "none"),
        (tmp_path / "nowhere", ValueError, "not a file"),
        *((str(tmp_path / f"{name}.npz"), ValueError, "not a compact scene") for name in ("no", "empty", "array")),
        ("", ValueError, "empty path"),
        (7, TypeError, "scenes must be"),
        ([None], TypeError, "paths"),
    ):
        with pytest.raises(error, match=words):
            make("ocean-drive", 1, scenes=wrong)


def test_parameters_that_do_not_fit_the_scenes_are_refused(tmp_path):
    path = write(tmp_path, scene(3))
    with pytest.raises(ValueError, match="agents must be at most 3.*'made_up'"):
        make("ocean-drive", 1, scenes=path, agents=4)
    with pytest.raises(TypeError, match="drawn scenes"):
        make("ocean-drive", 1, scenes=path, scenario="curve")
    parked = scene(1)
    parked["objects"][0]["mark_as_expert"] = True
    with pytest.raises(ValueError, match="no object that can be controlled"):
        make("ocean-drive", 1, scenes=write(tmp_path, parked))


def test_scenes_come_from_files_folders_and_objects(tmp_path):
    made = scene(3)
    made["roads"] += [
        {**line(200, 9, "lane"), "type": "crosswalk", "geometry": [point(0, 0), point(3, 0), point(3, 9), point(0, 9)]},
        {**line(201, 9, "lane"), "type": "stop_sign", "geometry": [point(5, 5)]},
        {**line(202, 9, "lane"), "type": "driveway", "geometry": [point(5, 5), point(6, 6)]},
    ]
    path = write(tmp_path, made, "b")
    whole = read_scene(path)
    assert np.allclose(whole.points[-3, [0, 1, 2, 3]], [*np.array([1.5, 4.5]) - whole.origin, 4.5, 1.5], atol=1e-5)
    assert whole.points[-3:, 6].tolist() == [4, 6, 0]
    write_scene(tmp_path / "a.npz", whole)
    envs = [make("ocean-drive", 2, scenes=given, agents=2)
            for given in (path, [whole], tmp_path / "a.npz", tmp_path, [tmp_path], [path, whole])]  # fmt: skip
    assert [game_of(env).num_scenes for env in envs] == [1, 1, 1, 2, 2, 2]
    shown = [env.reset(seed=1)[0] for env in envs]
    assert all(np.array_equal(shown[0], one) for one in shown)
    # The third car follows its recording, and is seen.
    assert views(envs[0], shown[0])["partners"].shape == (4, 2, 9)
    for scenario in SCENARIOS:
        again = [
            synthetic_scene(scenario, seed=3),
            synthetic_scene(scenario, seed=3),
            synthetic_scene(scenario, seed=4),
        ]
        assert np.array_equal(again[0].tracks, again[1].tracks)
        assert not np.array_equal(again[0].tracks, again[2].tracks)


def test_a_scene_is_played_as_it_is_when_a_batch_is_made(tmp_path):
    made = synthetic_scene("curve", 2, 5)
    goals = []
    for _ in range(2):
        env = make("ocean-drive", 1, scenes=made)
        goals.append(views(env, env.reset(seed=1)[0])["self"][:, 4:6])
        made.goals[:] += 100
    assert not np.allclose(*goals)
    for wrong in (replace(made, origin=None), replace(made, goals=made.goals[:1])):
        with pytest.raises(ValueError, match="origin|goals"):
            write_scene(tmp_path / "wrong.npz", wrong)
    with pytest.raises(TypeError, match="scene must be a Scene"):
        write_scene(tmp_path / "wrong.npz", 3)
    assert not (tmp_path / "wrong.npz").exists()


def test_a_copy_plays_the_scene_that_it_is_given():
    env = make("ocean-drive", 3, num_scenes=6)
    env.set_next([0, 2], scene=[5, 1])
    env.reset(seed=0)
    assert np.array(env.get_attr("scene"))[[0, 2]].tolist() == [5, 1]
    with pytest.raises(ValueError, match="scene must be at most 5"):
        env.set_next(0, scene=6)
    env.set_next([0, 2], scene=None)
    seen = set()
    for _ in range(30):
        env.reset()
        seen.update(env.get_attr("scene"))
    assert seen == set(range(6))


def test_the_picture_shows_the_agents_and_their_goals():
    env = make("ocean-drive-crossing", 1, num_scenes=1, render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()[0]
    for colour in ((0x4C, 0xC9, 0xF0), (0xF9, 0xC7, 0x4F), (0xD4, 0xD4, 0x5C), (0xE8, 0xE6, 0xE1), (0x3B, 0x40, 0x48)):
        assert (picture == colour).all(axis=2).sum() > 20, colour
