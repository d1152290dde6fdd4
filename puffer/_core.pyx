"""Native environments: the base class `Env`, whose author writes the rules and whose batch steps them."""
import inspect

import numpy as np

from puffer import checks
from puffer.layout.action import ActionLayout
from puffer.layout.observation import Layout
from puffer.layout.spec import CopySpec
from puffer.native.actions import ActionReader
from puffer.native.attributes import require_attributes
from puffer.native.checked import batch_of
from puffer.native.loop_backend import BLOCK
from puffer.options import MOST, BatchOptions
from puffer.rendering import Rendering

from puffer.native.batch cimport Batch
from puffer.native.buffers cimport Buffers
from puffer.native.loop_backend cimport NativeBackend
from puffer.native.rules cimport Rules
from puffer.native.threads cimport MAX_THREADS

ABI = PUFFER_ABI


cdef class Env(Rules):
    """Env(num_envs, observation_space, action_space, *, agents_per_env=1, independent_agents=False, **options)
--

Base class of native environments. One object holds all copies; they are stepped without the GIL.

An author's class declares its spaces in `__init__`, takes its views of the buffers there, asks for the memory of its
state with `new_state`, and writes the rules: `reset_one(i)`, `step_one(i)`, `observe(i)`, all
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
batch_size, autoreset_mode, max_steps, buf, seed, render_mode, record_episodes, check_actions, check_values, \
action_masks
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
steps_ended : bool
    Whether `step_range` may also be given copies whose episode has ended, so that those between two of them need not be
    stepped apart. Whatever it does to them and their rows, and draws from their streams, is undone.
statistic_names : tuple of str
    Named statistics, the columns of `statistics`.
draws_changes : bool
    Whether observe() spares much work by writing only what has changed, while `retained` is true. Rows that it keeps to
    itself are then copied into those that a step returns; otherwise it writes whole rows, wherever they are wanted.
masks_actions : bool
    Whether write_action_masks() marks the legal actions.
task_parameter : str or None
    The parameter that a name such as "mpe-simple_tag" gives by what follows the first dash.
render_modes : tuple of str
    Of "rgb_array" and "ansi".
render_size : (int, int)
    Width and height of the picture.
row_info_names : tuple of str
    What infos tell of rows after every reset and step. A class that has such writes row_infos(first, last), in Python.
    It keeps what they need of the rows from `first` up to `last`, and returns a function without arguments that is
    called if somebody reads them. That returns two dicts by these names of new arrays with an item for each of these
    rows: as the rows are now, and as the step left them, for `final_info`.
"""

    version = 0
    default_max_steps = None
    reward_threshold = None
    steps_ended = False
    statistic_names = ()
    draws_changes = False
    masks_actions = False
    task_parameter = None
    render_modes = ("rgb_array",)
    render_size = (400, 300)
    row_info_names = ()

    def __cinit__(self, *arguments, **named):
        self.made_with = (arguments, named)

    def __repr__(self):
        if self.batch is None:
            return object.__repr__(self)
        mode = self.batch.options.autoreset_mode.value
        return f"<{type(self).__name__}: {self.num_copies} copies, {self.num_agents} rows, {mode}>"

    def __init__(self, num_envs, observation_space, action_space, *, agents_per_env=1, independent_agents=False,
                 observes_in_step=False, snapshot_key=(), copies_per_block=BLOCK, num_threads=0, **options):
        cdef NativeBackend backend = NativeBackend()
        self.require_unmade()
        require_attributes(type(self))
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
        self.batch = batch_of(backend, spec, options, buffers, reader, independent_agents=independent)

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

    def redraw(self, copy):
        """Write the observations of a copy again. For methods of authors that have changed its state."""
        self._made().redraw(copy)

    # ---- Parameters of single copies, for authors to write in Python ----

    def set_next_parameters(self, copies, parameters):
        """Set parameters for the next episodes of copies, in classes that have such; their docstrings say which.

        `copies` is a list of numbers, and `parameters` has a list with a value for each of them by name. An author's
        method keeps them in memory from `new_state`, from which `reset_one` takes them. It raises TypeError or
        ValueError, before anything is set, for values that a copy cannot have.
        """
        checks.arguments(f"set_next() of {type(self).__name__}", parameters, ())

    def parameters_of(self, copy):
        """The parameters of the episode of one copy, by name, in classes whose copies have their own."""
        return {}

    def attribute_of_copies(self, name, arguments, named):
        """What `VectorEnv.call` returns, as a list."""
        cls = type(self)
        copies = range(self.num_copies)
        if copies and name in self.parameters_of(0):
            return [self.parameters_of(copy)[name] for copy in copies]
        if not name.startswith("_") and hasattr(self, name):
            value = getattr(self, name)
            if callable(value):
                if next(iter(inspect.signature(value).parameters), None) != "copy":
                    raise AttributeError(f"{name}() of {cls.__name__} is for all copies at once; call it as "
                                         f"env.native_env.{name}(...)")
                return [value(copy, *arguments, **named) for copy in copies]
            if isinstance(value, np.ndarray) and len(value) == self.num_copies:
                return list(value)
            return [value] * self.num_copies
        own = self._parameters()
        if name not in own:
            raise AttributeError(f"{cls.__name__} has no parameter or attribute {name!r}; its parameters are "
                                 f"{', '.join(own)}")
        return [own[name]] * self.num_copies

    def _parameters(self):
        """The arguments of the class by name, as given or by default."""
        self._made()
        positional, named = self.made_with
        bound = inspect.signature(type(self)).bind(*positional, **named)
        bound.apply_defaults()
        return {**bound.arguments.pop("options", {}), **bound.arguments}

    # ---- Pickled and copied ----

    def __reduce__(self):
        batch = self._made()
        positional, named = self.made_with
        # The other one has memory of its own.
        named = {name: value for name, value in named.items() if name != "buf"}
        return _remade, (type(self), positional, named, batch.content())

    # ---- Stepped by itself, without the face of a VectorEnv ----

    def reset(self, *, seed=None, mask=None):
        """See `Batch.reset`."""
        return self._made().reset(seed=seed, mask=mask)

    def set_next(self, copies=None, *, seed=None, **parameters):
        """See `Batch.set_next`."""
        self._made().set_next(copies, seed=seed, **parameters)

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

    @property
    def action_masks(self):
        """See `Batch.action_masks`."""
        return self._made().action_masks

    def close(self):
        """See `Batch.close`."""
        if self.batch is not None:
            self.batch.close()

    def _made(self):
        if self.batch is None:
            raise RuntimeError(f"{type(self).__name__}.__init__() has not run to its end")
        return self.batch


def _remade(cls, positional, named, content):
    """An environment made with these arguments, that goes on as another one."""
    env = cls(*positional, **named)
    env.batch.restore(content)
    return env
