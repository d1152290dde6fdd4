"""Native environments: the base class `Env`, whose author writes the rules and whose batch steps them."""
from puffer import checks
from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout
from puffer.layout.spec import CopySpec
from puffer.native.actions import ActionReader
from puffer.native.loop_backend import BLOCK
from puffer.options import MOST, BatchOptions
from puffer.rendering import Rendering

from puffer.native.batch cimport Batch
from puffer.native.buffers cimport Buffers
from puffer.native.loop cimport MAX_THREADS
from puffer.native.loop_backend cimport NativeBackend
from puffer.native.rules cimport Rules

ABI = PUFFER_ABI


cdef class Env(Rules):
    """Env(num_envs, observation_space, action_space, *, agents_per_env=1, independent_agents=False, **options)
--

Base class of native environments. One object holds all copies; they are stepped without the GIL.

An author's class declares its spaces in `__init__`, asks for the memory of its state with `new_state`, binds its
views of the buffers in `bind`, and writes the rules: `reset_one(i)`, `step_one(i)`, `observe(i)`, all
`noexcept nogil`. `docs/env-contract.md` has the whole contract, `puffer/ocean/catch.pyx` is one to copy.

Parameters
----------
num_envs : int
    Number of copies, at least 1.
observation_space, action_space : gymnasium.spaces.Space
    Of one agent. A Box, and a Discrete, MultiDiscrete or float32 Box, are the rows of the buffers as they are. Of any
    other space, nested ones included, the rows are those of its `Layout` or `ActionLayout`.
agents_per_env : int
    Rows of one copy.
independent_agents : bool
    Whether each agent has episodes of its own, instead of all agents of a copy sharing one.
observes_in_step : bool
    Whether `step_range` (or `step_one`) writes the observations too; otherwise the loop calls `observe` after it.
snapshot_key : tuple
    Parameters that a snapshot depends on in addition to the sizes of the state, such as the shape of a map.
copies_per_block : int
    Copies that one thread always steps together, a power of two up to 64; 1 where the step of a copy takes long.
num_threads : int
    Threads that step; 0 measures the first steps and picks. The results do not depend on it.
batch_size, autoreset_mode, max_steps, buf, seed, render_mode, record_episodes, check_actions
    See `puffer.options.BatchOptions`; `max_steps` is `default_max_steps` by default.

Attributes
----------
batch : puffer.native.batch.Batch
    What resets and steps the copies.

Class attributes an author sets
-------------------------------
version : int
    Rises when the behaviour changes.
default_max_steps : int or None
    The time limit of the rules.
reward_threshold : float or None
    The mean return from which the task counts as solved, for Gymnasium's registry.
statistic_names : tuple of str
    Named statistics, the columns of `statistics`.
render_modes : tuple of str
    Of "rgb_array" and "ansi".
render_size : (int, int)
    Width and height of the picture.
"""

    version = 0
    default_max_steps = None
    reward_threshold = None
    statistic_names = ()
    render_modes = ("rgb_array",)
    render_size = (400, 300)

    def __init__(self, num_envs, observation_space, action_space, *, agents_per_env=1, independent_agents=False,
                 observes_in_step=False, snapshot_key=(), copies_per_block=BLOCK, num_threads=0, **options):
        cdef NativeBackend backend = NativeBackend()
        self.require_unmade()
        threads = checks.integer("num_threads", num_threads, 0, MAX_THREADS - 1)
        options = BatchOptions(num_envs, **options)
        layout, action_layout = Layout(observation_space), ActionLayout(action_space)
        agents = checks.integer("agents_per_env", agents_per_env, 1, MOST // options.num_envs)
        spec = CopySpec(
            layout,
            action_layout,
            agents,
            None,
            self.default_max_steps if options.max_steps is None else options.max_steps,
            Rendering(tuple(self.render_modes), checks.render_mode(options.render_mode, self.render_modes), 30),
        )
        # One agent with an episode of its own is a copy with an episode.
        independent = bool(independent_agents and agents > 1)
        reader = ActionReader(action_layout.flat_space, options.check_actions)
        with checks.memory("num_envs", options.num_envs):
            space = layout.flat_space
            buffers = Buffers(options.num_envs * agents, space.shape, space.dtype, reader.shape, reader.dtype,
                              options.buf)
            self.num_copies = options.num_envs
            self.agents_per_env = agents
            self.num_agents = options.num_envs * agents
            self.max_steps = MOST if spec.max_steps is None else spec.max_steps
            backend.prepare(self, spec, options, buffers, independent, observes_in_step, snapshot_key, copies_per_block,
                            threads)
        self.batch = Batch(backend, spec, options, buffers, reader, independent_agents=independent)

    def __del__(self):
        # Before anything that the threads may still use is taken apart.
        if self.batch is not None:
            (<NativeBackend>(<Batch>self.batch).backend).detach()

    cdef int require_unmade(self) except -1:
        """Refuse a second __init__ of an environment in use."""
        if self.batch is not None:
            raise RuntimeError(f"this {type(self).__name__} is already made; make a new one")
        return 0

    cdef int require_settled(self, str method) except -1:
        """Raise before the first reset, and between send() and recv()."""
        self._made().require(method)
        return 0

    # ---- Spaces ----

    @property
    def single_observation_space(self):
        """The space of one row of observations."""
        return self._made().spec.layout.flat_space

    @property
    def single_action_space(self):
        """The space of one row of actions."""
        return self._made().spec.action_layout.flat_space

    @property
    def layout(self):
        """How an observation lies in its row, a `puffer.spaces.Layout`."""
        return self._made().spec.layout

    @property
    def action_layout(self):
        """How an action lies in its row, a `puffer.spaces.ActionLayout`."""
        return self._made().spec.action_layout

    @property
    def own_observation_space(self):
        """The space of an observation as other libraries know the environment, or None for that of the layout.

        Its arrays have the numbers of a row in their order; their dtypes and shapes are its own.
        """
        return None

    # ---- States ----

    cdef dict state_one(self, Py_ssize_t i):
        raise NotImplementedError(f"{type(self).__name__} does not tell its state: write state_one(i)")

    def state(self, copy=0):
        """The state of one copy as a dict, in classes that write `state_one`; their docstrings say what it holds."""
        self.require_settled("state")
        return self.state_one(checks.integer("copy", copy, 0, self.num_copies - 1))

    # ---- Stepped by itself, without the face of a VectorEnv ----

    def reset(self, *, seed=None, mask=None):
        """See `Batch.reset`."""
        return self._made().reset(seed=seed, mask=mask)

    def step(self, actions):
        """See `Batch.step`."""
        return self._made().step(actions)

    def stats(self):
        """See `Batch.stats`."""
        return self._made().stats()

    def get_state(self, copies=None):
        """See `Batch.get_state`."""
        return self._made().get_state(copies)

    def set_state(self, state, copies=None):
        """See `Batch.set_state`."""
        self._made().set_state(state, copies)

    def render_copy(self, copy=0):
        """See `Batch.render_copy`."""
        return self._made().render_copy(copy)

    def ansi_copy(self, copy=0):
        """See `Batch.ansi_copy`."""
        return self._made().ansi_copy(copy)

    @property
    def buffers(self):
        """The live `Buffers` of all rows."""
        return self._made().buffers

    @property
    def observations(self):
        """The live observations, (num_agents, ...)."""
        return self._made().observations

    @property
    def masks(self):
        """Whether the agent of each row took part in the last step, or begins an episode: bool (num_agents,), live."""
        return self._made().masks

    def close(self):
        """See `Batch.close`."""
        if self.batch is not None:
            self.batch.close()

    def _made(self):
        if self.batch is None:
            raise RuntimeError(f"{type(self).__name__}.__init__() has not run to its end")
        return self.batch
