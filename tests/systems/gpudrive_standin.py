"""A stand-in for madrona_gpudrive, GPUDrive's compiled module: its interface, and what the adapter can meet in it.

It moves cars, judges crashes and fills its tensors as recordings of the simulator show (`test_gpudrive_traces.py`). It
is strict where the simulator would read memory that is not its own: a world whose recording is over must be reset
before it is stepped. Like the simulator it prints to the standard output of the process.
"""

import enum
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from gpudrive_road import road_segments, touch

kMaxAgentCount = 64  # noqa: N816
episodeLen = 91  # noqa: N816
ROAD_POINTS = 200
TENTH = np.float32(0.1)
# What is left of a car that is done.
AWAY = -11000.0
TYPES = {"vehicle": 7, "pedestrian": 8, "cyclist": 9}
VEHICLE = 7
# Of the size that collides.
SHRUNK = 0.7

madrona = SimpleNamespace(ExecMode=enum.Enum("ExecMode", ["CPU", "CUDA"]))
RewardType = enum.Enum("RewardType", ["DistanceBased", "OnGoalAchieved", "Dense"])
CollisionBehaviour = enum.Enum("CollisionBehaviour", ["AgentStop", "AgentRemoved", "Ignore"])
DynamicsModel = enum.Enum("DynamicsModel", ["Classic", "InvertibleBicycle", "DeltaLocal", "State"])


class RewardParams:
    __slots__ = ("distanceToExpertThreshold", "distanceToGoalThreshold", "rewardType")


class Parameters:
    __slots__ = (
        "IgnoreNonVehicles",
        "_rewards",
        "collisionBehaviour",
        "dynamicsModel",
        "maxNumControlledAgents",
        "observationRadius",
        "polylineReductionThreshold",
    )

    def __init__(self):
        self.IgnoreNonVehicles = False
        self.collisionBehaviour = CollisionBehaviour.AgentStop
        self.dynamicsModel = DynamicsModel.Classic
        self.maxNumControlledAgents = 10000
        self.observationRadius = self.polylineReductionThreshold = 0.0

    # As in C++, whose structs are copied when they are set.
    @property
    def rewardParams(self):  # noqa: N802
        return self._rewards

    @rewardParams.setter
    def rewardParams(self, given):  # noqa: N802
        self._rewards = RewardParams()
        for name in RewardParams.__slots__:
            setattr(self._rewards, name, getattr(given, name))


class Tensor:
    """What the `*_tensor()` return, and what its `to_torch()` does."""

    def __init__(self, array):
        self.array = array

    def to_torch(self):
        return self

    def numpy(self):
        return self.array


class SimManager:
    alive = 0

    def __init__(self, exec_mode, gpu_id, scenes, params):
        assert exec_mode is madrona.ExecMode.CPU
        os.write(1, b"Filtering scenes for controllable objects...\n")
        SimManager.alive += 1
        self.params = params
        self.resets = []
        self.worlds = [World(json.loads(Path(scene).read_text()), params) for scene in scenes]
        agents = (len(scenes), kMaxAgentCount)
        self.action = np.zeros((*agents, 10), np.float32)
        self.reward = np.zeros((*agents, 1), np.float32)
        self.done = np.ones((*agents, 1), np.int32)
        self.remaining = np.zeros((*agents, 1), np.int32)
        self.controlled = np.zeros((*agents, 1), np.int32)
        self.info = np.zeros((*agents, 5), np.int32)
        self.self_observation = np.zeros((*agents, 8), np.float32)
        self.partners = np.zeros((*agents, kMaxAgentCount - 1, 9), np.float32)
        self.road = np.zeros((*agents, ROAD_POINTS, 9), np.float32)
        self.reset(range(len(scenes)))

    def __del__(self):
        SimManager.alive -= 1
        # What is read after the simulator has gone must not look right.
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.fill(-7)

    def reset(self, worlds):
        self.resets.append(list(worlds))
        for world in self.resets[-1]:
            self.worlds[world].begin()
            self.action[world] = 0
        # All worlds are computed again, as in a step.
        self.fill()

    def step(self):
        for world, actions in zip(self.worlds, self.action, strict=True):
            assert world.steps < episodeLen, "a world was stepped after its end"
            world.step(actions)
        self.fill()

    def fill(self):
        rewards = self.params.rewardParams
        for k, world in enumerate(self.worlds):
            count = len(world.cars)
            self.done[k, :count, 0] = [car.is_done for car in world.cars]
            self.remaining[k, :count] = episodeLen - world.steps
            self.controlled[k, :count, 0] = [car.is_controlled for car in world.cars]
            by_distance = rewards.rewardType is RewardType.DistanceBased
            for agent, car in enumerate(world.cars):
                self.info[k, agent] = [*car.collisions, car.has_arrived, car.kind]
                self.reward[k, agent] = -car.distance() if by_distance else float(car.is_near_goal())
            world.observe(self.self_observation[k], self.partners[k], self.road[k])

    def action_tensor(self):
        return Tensor(self.action)

    def reward_tensor(self):
        return Tensor(self.reward)

    def done_tensor(self):
        return Tensor(self.done)

    def steps_remaining_tensor(self):
        return Tensor(self.remaining)

    def controlled_state_tensor(self):
        return Tensor(self.controlled)

    def info_tensor(self):
        return Tensor(self.info)

    def self_observation_tensor(self):
        return Tensor(self.self_observation)

    def partner_observations_tensor(self):
        return Tensor(self.partners)

    def agent_roadmap_tensor(self):
        return Tensor(self.road)


class World:
    def __init__(self, scene, params):
        self.params = params
        objects = scene["objects"]
        points = [at(point) for one in objects for point in one["position"]]
        points += [at(point) for line in scene["roads"] for point in line["geometry"]]
        # The origin of positions.
        self.middle = np.mean(points, axis=0)
        self.roads = road_segments(scene["roads"], params.polylineReductionThreshold, self.middle)
        self.edges = self.roads[self.roads[:, 6] == 1]
        self.cars = [Car(objects[index], self) for index in slots(objects, scene["metadata"])[:kMaxAgentCount]]

    def begin(self):
        self.steps = 0
        for car in self.cars:
            car.begin()
        self.judge()

    def step(self, actions):
        self.steps += 1
        for car, action in zip(self.cars, actions, strict=False):
            car.step(action, self.steps)
        self.judge()

    def judge(self):
        ignored = self.params.collisionBehaviour is CollisionBehaviour.Ignore
        present = [car for car in self.cars if car.place[0] > AWAY]
        for car in self.cars:
            if ignored:
                car.collisions = [0, 0, 0]
            if car.is_near_goal() and car.place[0] > AWAY:
                car.has_arrived = car.is_done = True
            if self.steps == episodeLen:
                car.is_done = True
        for number, car in enumerate(present):
            if car.is_controlled and car.kind == VEHICLE and touch(car.box(), self.edges[:, [0, 1, 5, 2, 3]]).any():
                car.collisions[0] = 1
            for other in present[:number]:
                if touch(car.box(), np.array([other.box()])).any():
                    for one, two in ((car, other), (other, car)):
                        if one.is_controlled:
                            one.collisions[1 if two.kind == VEHICLE else 2] = 1

    def observe(self, own, partners, road):
        own[:], partners[:], road[:] = 0, 0, 0
        # Slots that nobody has are not zero.
        own[:, -1], partners[..., -1] = -1, -1
        for agent, car in enumerate(self.cars):
            goal = car.to_own_frame(car.goal)
            own[agent] = [car.speed, *car.size, *goal, any(car.collisions), car.number]
            seen = 0
            for other in self.cars:
                relative = car.to_own_frame(other.place)
                if other is not car and np.hypot(*relative) <= self.params.observationRadius:
                    turned = wrapped(other.heading - car.heading)
                    partners[agent, seen] = [other.speed, *relative, turned, *other.size, other.kind, other.number]
                    seen += 1
            middles = car.to_own_frame(self.roads[:, :2])
            near = np.flatnonzero(np.hypot(*middles.T) <= self.params.observationRadius)[:ROAD_POINTS]
            rows = road[agent, : len(near)]
            rows[:] = self.roads[near]
            rows[:, :2] = middles[near]
            rows[:, 5] = wrapped(rows[:, 5] - car.heading)


class Car:
    def __init__(self, recorded, world):
        self.world = world
        self.places = np.array([at(point) for point in recorded["position"]]) - world.middle
        self.velocities = np.array([at(velocity) for velocity in recorded["velocity"]])
        self.headings = recorded["heading"]
        self.size = [recorded["length"], recorded["width"], recorded["height"]]
        self.goal = np.array(at(recorded["goalPosition"])) - world.middle
        self.kind, self.number = TYPES[recorded["type"]], recorded["id"]
        self.is_there = recorded["valid"][0]
        self.radius = world.params.rewardParams.distanceToGoalThreshold
        # Parked cars are not controlled either.
        moves = np.hypot(*(self.goal - self.places[0])) > self.radius
        self.is_controlled = int(self.is_there and moves and not recorded["mark_as_expert"])

    def begin(self):
        self.has_arrived, self.is_done, self.collisions = False, not self.is_there, [0, 0, 0]
        self.follow(0)

    def follow(self, step):
        self.place, self.heading = self.places[step], self.headings[step]
        self.velocity = self.velocities[step]
        if not self.is_there:
            self.leave()

    def leave(self):
        self.place, self.velocity = np.array([AWAY, AWAY]), np.zeros(2)

    def step(self, action, steps):
        crashed = any(self.collisions) and self.world.params.collisionBehaviour is not CollisionBehaviour.Ignore
        if self.is_done or (self.is_controlled and crashed):
            self.is_done = True
            self.leave()
        elif self.is_controlled:
            getattr(self, self.world.params.dynamicsModel.name)(*action)
        else:
            self.follow(steps - 1)

    @property
    def speed(self):
        return float(np.hypot(*self.velocity))

    def Classic(self, acceleration, steering, *_):  # noqa: N802
        speed, mean = self.speed, self.speed + 0.5 * acceleration * TENTH
        slip = np.arctan(0.5 * np.tan(steering))
        self.place = self.place + mean * TENTH * towards(self.heading + slip)
        self.heading = wrapped(self.heading + mean * np.cos(slip) * np.tan(steering) / self.size[0] * TENTH)
        self.velocity = (speed + acceleration * TENTH) * towards(self.heading)

    def InvertibleBicycle(self, acceleration, steering, *_):  # noqa: N802
        acceleration, steering = np.clip(acceleration, -6, 6), np.clip(steering, -3, 3)
        speed, gained = self.speed, 0.5 * acceleration * TENTH**2
        self.place = self.place + self.velocity * TENTH + gained * towards(self.heading)
        self.heading = wrapped(self.heading + steering * (speed * TENTH + gained))
        self.velocity = (speed + acceleration * TENTH) * towards(self.heading)

    def DeltaLocal(self, ahead, aside, turn, *_):  # noqa: N802
        ahead, aside, turn = np.clip(ahead, -6, 6), np.clip(aside, -6, 6), np.clip(turn, -np.pi, np.pi)
        moved = ahead * towards(self.heading) + aside * towards(self.heading + np.pi / 2)
        self.place, self.velocity = self.place + moved, moved / TENTH
        self.heading = wrapped(self.heading + turn)

    def State(self, x, y, z, heading, speed_x, speed_y, *_):  # noqa: N802
        self.place, self.heading = np.array([x, y], float), wrapped(heading)
        self.velocity = np.array([speed_x, speed_y], float)

    def to_own_frame(self, places):
        turn = np.array([[np.cos(self.heading), -np.sin(self.heading)], [np.sin(self.heading), np.cos(self.heading)]])
        return (places - self.place) @ turn

    def distance(self):
        return float(np.hypot(*(self.goal - self.place)))

    def is_near_goal(self):
        return self.distance() < self.radius

    def box(self):
        length, width, _ = self.size
        return [*self.place, self.heading, SHRUNK * length / 2, SHRUNK * width / 2]


def slots(objects, metadata):
    """The objects in the simulator's order: the recording car, those to predict, those of interest, the rest."""
    first = [metadata["sdc_track_index"], *(track["track_index"] for track in metadata["tracks_to_predict"])]
    of_interest = [index for index, one in enumerate(objects) if one["id"] in metadata["objects_of_interest"]]
    ordered = dict.fromkeys([*first, *of_interest, *range(len(objects))])
    return [index for index in ordered if 0 <= index < len(objects)]


def at(point):
    return point["x"], point["y"]


def towards(heading):
    return np.array([np.cos(heading), np.sin(heading)])


def wrapped(angle):
    return (angle + np.pi) % (2 * np.pi) - np.pi
