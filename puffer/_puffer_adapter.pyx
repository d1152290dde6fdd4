"""Drives a `PufferEnv`, whichever of its styles it is written in."""
import numpy as np

from puffer._buffers import Buffers
from puffer._python import takes_parameter

from puffer._python cimport Adapter


cdef class PufferAdapter(Adapter):
    """PufferAdapter(env)
--

Drives one `PufferEnv`. Its style shows in what `reset` returns: its own buffer, or observations.
"""

    cdef object env_step
    cdef object env_reset
    cdef object own_observations
    cdef object rows_of_agents
    # Which agents of the returning style act in the next step.
    cdef object alive
    cdef bint takes_seed
    cdef bint in_place
    cdef bint many

    def __init__(self, env):
        super().__init__(env, env.single_observation_space, env.single_action_space, env.num_agents, env.max_steps)
        self.env_step = env.step
        self.env_reset = env.reset
        self.takes_seed = takes_parameter(env.reset, "seed")
        self.many = env.num_agents > 1
        self.rows_of_agents = {agent: row for row, agent in enumerate(env.possible_agents)}

    def attach(self, buffers, Py_ssize_t first_row):
        Adapter.attach(self, buffers, first_row)
        rows = slice(first_row, first_row + self.agents_per_env)
        space, actions = buffers.observations, buffers.actions
        self.env.bind(Buffers(self.agents_per_env, space.shape[1:], space.dtype, actions.shape[1:], actions.dtype,
                              buffers.rows(rows)))
        self.own_observations = self.env.observations

    cpdef object reset(self, object seed, list infos):
        self.ended = False
        result = self.env_reset(seed=seed) if self.takes_seed else self.env_reset()
        observations, info = result, None
        if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], (dict, list)):
            observations, info = result
        self.in_place = observations is self.own_observations or observations is None
        if not self.in_place:
            self._write_observations(observations)
            if self.many:
                self.alive = np.array([agent in observations for agent in self.rows_of_agents])
                self.env.masks[:] = self.alive
        self._report(info, infos)

    cpdef object step(self, list infos):
        if self.in_place:
            result = self.env_step(self.env.actions)
        elif self.many:
            self.env.masks[:] = self.alive
            result = self.env_step({
                agent: self.read_action(row) for agent, row in self.rows_of_agents.items() if self.alive[row]
            })
        else:
            result = self.env_step(self.read_action(0))
        if not isinstance(result, tuple) or not 4 <= len(result) <= 5:
            raise TypeError(f"step() must return 5 values (or the older 4), got {result!r:.80}")
        if len(result) == 4:
            result = self._five(result)
        observations, rewards, terminations, truncations, info = result
        if self.in_place:
            self._take_in_place(observations, rewards, terminations, truncations)
        elif self.many:
            self._take_dicts(observations, rewards, terminations, truncations)
        else:
            self.write_observation(0, observations)
            self.rewards[self.first_row] = rewards
            self.terminations[self.first_row] = bool(terminations)
            self.truncations[self.first_row] = bool(truncations)
            self.ended = bool(terminations) or bool(truncations)
        self._report(info, infos)

    def _five(self, result):
        """The five values for an older (observations, rewards, dones, infos)."""
        observations, rewards, dones, info = result
        if isinstance(dones, dict):
            late = {agent: bool(_of(info, agent).get("TimeLimit.truncated", False)) for agent in dones}
            return (observations, rewards, {agent: ended and not late[agent] for agent, ended in dones.items()},
                    {agent: ended and late[agent] for agent, ended in dones.items()}, info)
        late = isinstance(info, dict) and bool(info.get("TimeLimit.truncated", False))
        dones = np.array(dones, bool)
        return observations, rewards, dones & (not late), dones & late, info

    def _take_in_place(self, observations, rewards, terminations, truncations):
        env = self.env
        for own, given in ((env.observations, observations), (env.rewards, rewards),
                           (env.terminations, terminations), (env.truncations, truncations)):
            if given is not own and given is not None:
                own[...] = given
        self._end_if_all_ended()

    def _take_dicts(self, observations, rewards, terminations, truncations):
        env = self.env
        for agent, row in self.rows_of_agents.items():
            if self.alive[row]:
                env.rewards[row] = rewards.get(agent, 0)
                env.terminations[row] = terminations.get(agent, False) or terminations.get("__all__", False)
                env.truncations[row] = truncations.get(agent, False) or truncations.get("__all__", False)
            # One that has just come takes part from the next step on, but its observation counts now.
            env.masks[row] = self.alive[row] or agent in observations
            self.alive[row] = agent in observations and not (env.terminations[row] or env.truncations[row])
        self._write_observations(observations)
        self.ended = not self.alive.any()

    def _end_if_all_ended(self):
        env = self.env
        self.ended = not (env.masks & ~(env.terminations | env.truncations)).any()

    def _write_observations(self, observations):
        if not self.many:
            self.write_observation(0, observations)
            return
        for agent in observations:
            if agent not in self.rows_of_agents:
                raise ValueError(f"observations have an agent {agent!r}; the agents are {list(self.rows_of_agents)}")
        for agent, row in self.rows_of_agents.items():
            if agent in observations:
                self.write_observation(row, observations[agent])
            else:
                self.clear_observation(row)

    def _report(self, info, infos):
        if not info:
            return
        if self.many and isinstance(info, dict) and any(agent in self.rows_of_agents for agent in info):
            for agent, one in info.items():
                if one and agent in self.rows_of_agents:
                    infos.append((self.first_row + self.rows_of_agents[agent], one))
        elif isinstance(info, list):
            for place, one in enumerate(info):
                if one:
                    infos.append((self.first_row + min(place, self.agents_per_env - 1), one))
        else:
            infos.append((self.first_row, info))


def _of(info, agent):
    return info.get(agent, {}) if isinstance(info, dict) else {}
