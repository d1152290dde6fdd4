"""Drives PettingZoo environments: those that step all agents at once, and those whose agents take turns.

A copy has a row for each of `possible_agents`, in their order; which rows count when, see `AgentsAdapter`. The episode
of a copy is over when no agent is left. An agent's reward and flags are those of the step that it got them in, the one
that ends it included. Agents whose spaces differ share the layout that spans them, see `puffer.layout.padding`; an
action outside an agent's own range of integers is refused like any other bad action.
"""
from puffer.layout.foreign import as_gymnasium
from puffer.layout.padding import PaddedAction, PaddedObservation, copy_action_space, spanning_space

from puffer.wrappers.adapters.agents cimport AgentsAdapter, as_dict
from puffer.wrappers.adapters.adapter cimport Adapter, as_info


cdef class PettingZooAdapter(AgentsAdapter):
    """PettingZooAdapter(env, max_length=None)
--

Base of the adapters for PettingZoo environments.
"""

    cdef object env_step
    cdef dict observation_spaces
    # By row: what writes the observations and reads the actions of an agent with a space of its own; None for others.
    cdef list padded_observations
    cdef list padded_actions

    def __init__(self, env, max_length=None):
        agents = getattr(env, "possible_agents", None)
        if not agents:
            raise TypeError(f"{env} must have possible_agents, a list of all agents that it may ever have: each gets a "
                            f"row of its own; they are {agents!r}")
        self.observation_spaces = {agent: as_gymnasium(env.observation_space(agent)) for agent in agents}
        action_spaces = {agent: as_gymnasium(env.action_space(agent)) for agent in agents}
        observation_space = spanning_space(self.observation_spaces, "observation spaces")
        action_space = spanning_space(action_spaces, "action spaces")
        super().__init__(env, observation_space, action_space, list(agents), max_length=max_length)
        self.env_step = env.step
        self.padded_observations = [None] * self.agents_per_env
        self.padded_actions = [None if space is action_space or space == action_space
                               else PaddedAction(space, self.action_layout) for space in action_spaces.values()]
        self.copy_action_space = copy_action_space(self.action_layout, self.padded_actions)

    def attach(self, buffers, Py_ssize_t first_row):
        cdef Py_ssize_t place
        Adapter.attach(self, buffers, first_row)
        for place, space in enumerate(self.observation_spaces.values()):
            if space is not self.layout.space and space != self.layout.space:
                row = buffers.observations[first_row + place:first_row + place + 1]
                self.padded_observations[place] = PaddedObservation(space, self.layout, row)

    cpdef object write_observation(self, Py_ssize_t agent, observation):
        padded = self.padded_observations[agent]
        if padded is None:
            self.plan.write_row(observation,
                                self.observation_memory + (self.first_row + agent) * self.plan.row_size)
        else:
            padded.write(observation)

    cpdef object read_action(self, Py_ssize_t agent):
        padded = self.padded_actions[agent]
        if padded is None or self.scalar_actions:
            return Adapter.read_action(self, agent)
        return padded.value(self.actions[self.first_row + agent])

    cdef int report_by_agent(self, dict by_agent, list infos) except -1:
        """Add the infos of the agents that took part."""
        cdef Py_ssize_t place
        for agent, info in self.report_common(by_agent, infos).items():
            if info:
                place = self.place_of(agent)
                if self.masks[self.first_row + place]:
                    self.report_of(place, info, infos)


cdef class ParallelAdapter(PettingZooAdapter):
    """ParallelAdapter(env)
--

Drives a `pettingzoo.ParallelEnv`: a step of the batch is one of the environment.
"""

    # The agents whose actions the next step takes.
    cdef list acting

    cpdef object reset(self, object seed, list infos):
        result = self.call_reset(seed)
        # The first versions of the interface had no infos.
        observations, info = result if isinstance(result, tuple) and len(<tuple>result) == 2 else (result, {})
        self.acting = list(self.env.agents)
        self.begin_by_agent(as_dict(observations, "observations"), self.acting)
        self.report_by_agent(as_dict(info, "infos"), infos)

    cpdef object step(self, list infos):
        cdef dict actions = {}
        for agent in self.acting:
            actions[agent] = self.read_action(self.place_of(agent))
        result = self.env_step(actions)
        if not isinstance(result, (tuple, list)) or len(result) != 5:
            raise TypeError(f"step() of a parallel environment must return 5 dicts by agent id, got {result!r:.80}")
        observations, rewards, terminations, truncations, info = result
        self.acting = list(self.env.agents)
        self.take_by_agent(as_dict(observations, "observations"), as_dict(rewards, "rewards"),
                           as_dict(terminations, "terminations"), as_dict(truncations, "truncations"), self.acting)
        self.report_by_agent(as_dict(info, "infos"), infos)


cdef class TurnsAdapter(PettingZooAdapter):
    """TurnsAdapter(env)
--

Drives a `pettingzoo.AECEnv`, whose agents take turns: a step of the batch is the turn of one agent, as in the native
board games.

Every agent that is left takes part in every step: its row has what `observe(agent)` gives after the turn, and its share
of the `rewards` of that turn, so that the rewards of a row add up to what its agent gets. The actions of rows that are
not to move are ignored. `info["to_move"]` is True for the row that is; where observations have an `action_mask`, it is
all zero for the others if the environment keeps to PettingZoo's rules. The turns without action that remove ended
agents belong to the step that ended them, and so does what they bring to others: ends, infos and rewards.
"""

    cdef object mover

    cpdef object reset(self, object seed, list infos):
        cdef list agents
        self.call_reset(seed)
        agents = list(self.env.agents)
        self.begin_by_agent({agent: self.env.observe(agent) for agent in agents}, agents)
        self.report_turn(dict(self.env.infos), infos)

    cpdef object step(self, list infos):
        cdef dict observations = {}, rewards, terminations = {}, truncations = {}, info
        env = self.env
        self.env_step(self.read_action(self.place_of(self.mover)))
        # Copies, since removing an agent takes it out of these.
        rewards, info = dict(env.rewards), dict(env.infos)
        self.note_ends(observations, terminations, truncations)
        for _ in range(len(env.agents)):
            if not (env.terminations.get(env.agent_selection) or env.truncations.get(env.agent_selection)):
                break
            self.remove_ended(rewards)
            self.note_ends(observations, terminations, truncations)
        # Not before: it may be the turn of another one now.
        info.update(env.infos)
        for agent in env.agents:
            if not (terminations.get(agent) or truncations.get(agent)):
                observations[agent] = env.observe(agent)
        self.take_by_agent(observations, rewards, terminations, truncations, observations)
        self.report_turn(info, infos)

    cdef int note_ends(self, dict observations, dict terminations, dict truncations) except -1:
        """Note who has ended, and the last observations of those that took part."""
        env = self.env
        for flags, found in (terminations, env.terminations), (truncations, env.truncations):
            flags.update([(agent, True) for agent, flag in found.items() if flag])
        for agent in env.agents:
            if agent not in observations and (terminations.get(agent) or truncations.get(agent)):
                if self.alive[self.place_of(agent)]:
                    observations[agent] = env.observe(agent)
        return 0

    cdef int remove_ended(self, dict rewards) except -1:
        """Take the turn without action of an ended agent, and add what it brings the others to `rewards`."""
        # Not the environment's `rewards`: where it does not clear them, those are of the turn before.
        before = dict(getattr(self.env, "_cumulative_rewards", {}))
        self.env_step(None)
        for agent, total in getattr(self.env, "_cumulative_rewards", {}).items():
            if agent in before and total != before[agent]:
                rewards[agent] = rewards.get(agent, 0) + total - before[agent]
        return 0

    cdef int report_turn(self, dict info, list infos) except -1:
        """Add the infos, and whose turn it is."""
        self.mover = None
        if not self.ended:
            self.mover = self.env.agent_selection
            own = info.get(self.mover)
            info[self.mover] = {**({} if own is None else as_info(own, "an agent")), "to_move": True}
        self.report_by_agent(info, infos)


def pettingzoo_adapter(env, max_length=None):
    """The adapter for one copy of a PettingZoo environment.

    One with turns that says in its metadata that it `is_parallelizable` steps all its agents at once.
    """
    if not hasattr(env, "observe"):
        return ParallelAdapter(env, max_length)
    if not (getattr(env, "metadata", None) or {}).get("is_parallelizable"):
        return TurnsAdapter(env, max_length)
    from pettingzoo.utils import aec_to_parallel

    return ParallelAdapter(aec_to_parallel(env), max_length)
