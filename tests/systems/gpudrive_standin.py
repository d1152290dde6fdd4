"""A stand-in for madrona_gpudrive, GPUDrive's compiled module: its interface and shapes over a few lines of physics.

It is strict where the simulator would read memory that is not its own: a world whose recording is over must be reset
before it is stepped. Like the simulator it prints to the standard output of the process.
"""

import enum
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np

kMaxAgentCount = 64  # noqa: N816
episodeLen = 91  # noqa: N816
ROAD_POINTS = 200
TENTH = 0.1

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
        self.scenes = [json.loads(Path(scene).read_text())["objects"] for scene in scenes]
        self.worlds = [Car.of_scene(objects) for objects in self.scenes]
        count = len(scenes)
        agents = (count, kMaxAgentCount)
        self.action = np.zeros((*agents, 10), np.float32)
        self.reward = np.zeros((*agents, 1), np.float32)
        self.done = np.zeros((*agents, 1), np.int32)
        self.remaining = np.full((*agents, 1), episodeLen, np.int32)
        self.controlled = np.zeros((*agents, 1), np.int32)
        self.info = np.zeros((*agents, 5), np.int32)
        self.self_observation = np.zeros((*agents, 8), np.float32)
        self.partners = np.zeros((*agents, kMaxAgentCount - 1, 9), np.float32)
        self.road = np.zeros((*agents, ROAD_POINTS, 9), np.float32)
        self.reset(range(count))

    def __del__(self):
        SimManager.alive -= 1
        # What is read after the simulator has gone must not look right.
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.fill(-7)

    def reset(self, worlds):
        for world in worlds:
            self.worlds[world] = Car.of_scene(self.scenes[world])
            self.done[world] = self.reward[world] = self.info[world] = 0
            self.remaining[world] = episodeLen
            self.controlled[world] = [[car is not None] for car in self.cars(world)]
        self.observe()

    def cars(self, world):
        found = self.worlds[world]
        return found + [None] * (kMaxAgentCount - len(found))

    def step(self):
        assert (self.remaining > 0).all(), "a world was stepped after its end"
        self.remaining -= 1
        for world, cars in enumerate(self.worlds):
            for agent, car in enumerate(cars):
                if not self.done[world, agent, 0]:
                    car.move(*self.action[world, agent, :2])
                    self.judge(world, agent, car)
        self.done[(self.remaining == 0) & (self.controlled == 1)] = 1
        self.observe()

    def judge(self, world, agent, car):
        distance = np.hypot(*(car.goal - car.place))
        reached = distance < self.params.rewardParams.distanceToGoalThreshold
        by_distance = self.params.rewardParams.rewardType is RewardType.DistanceBased
        self.reward[world, agent] = -distance if by_distance else float(reached)
        off_road = abs(car.place[1]) > 5
        self.info[world, agent, 0] |= off_road
        self.info[world, agent, 3] |= reached
        removed = off_road and self.params.collisionBehaviour is CollisionBehaviour.AgentRemoved
        self.done[world, agent] = reached or removed

    def observe(self):
        for world, cars in enumerate(self.worlds):
            for agent, car in enumerate(cars):
                to_goal = car.goal - car.place
                self.self_observation[world, agent] = [car.speed, 4.5, 2, *to_goal, car.heading, 0, agent]
                for other in cars:
                    self.partners[world, agent, other.number - (other.number > agent), :3] = [
                        other.speed,
                        *(other.place - car.place),
                    ]
                self.road[world, agent, :, 0] = np.linspace(-80, 80, ROAD_POINTS) - car.place[0]
            # Slots that nobody has are not zero.
            self.self_observation[world, len(cars) :, -1] = -1

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


class Car:
    @classmethod
    def of_scene(cls, objects):
        return [cls(number, one) for number, one in enumerate(objects) if not one["mark_as_expert"]]

    def __init__(self, number, recorded):
        self.number = number
        self.place = np.array([recorded["position"][0][axis] for axis in "xy"])
        self.goal = np.array([recorded["goalPosition"][axis] for axis in "xy"])
        self.speed = recorded["velocity"][0]["x"]
        self.heading = recorded["heading"][0]

    def move(self, acceleration, steering):
        self.speed += float(acceleration) * TENTH
        self.heading += float(steering) * TENTH
        self.place = self.place + self.speed * TENTH * np.array([np.cos(self.heading), np.sin(self.heading)])
