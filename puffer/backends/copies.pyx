"""Steps copies that have an adapter each: the same in this process and in every worker."""
from libc.stdint cimport uint8_t, uintptr_t
from libc.string cimport memcpy, memset

import numpy as np

from puffer.backends.infos import Events
from puffer.backends.worker.interpreter.attributes import attribute, require_settable, set_attribute

from puffer.wrappers.adapters.adapter cimport Adapter


# A list may hold itself.
cdef int _DEEPEST = 50


cdef class CopiesStepper:
    """CopiesStepper(adapters, rows, *, same_step)
--

The copies that `adapters` drive, in `rows`. `same_step` tells whether a copy is reset within the step that ends its
episode, instead of in the next one.

Attributes
----------
adapters : list of Adapter
current : int
    The copy that is being reset, stepped or rendered.
"""

    cdef readonly Py_ssize_t current
    cdef readonly list adapters
    cdef object rows
    cdef bint same_step
    cdef Py_ssize_t agents
    cdef Py_ssize_t row_size
    cdef char* observation_memory
    cdef char* finals_memory
    cdef float[::1] rewards
    cdef uint8_t[::1] terminations, truncations, masks, late, waiting, over
    cdef object events
    # What `set_next` was given for the next episodes, by copy.
    cdef dict upcoming

    def __cinit__(self, list adapters not None, rows, *, bint same_step):
        cdef Adapter adapter
        cdef Py_ssize_t i
        buffers = rows.buffers
        self.adapters = adapters
        self.rows = rows
        self.same_step = same_step
        self.agents = rows.form.agents_per_env
        self.row_size = buffers.observations.nbytes // len(buffers.rewards)
        self.observation_memory = <char*><uintptr_t>buffers.observations.ctypes.data
        self.finals_memory = <char*><uintptr_t>rows.finals.ctypes.data
        self.rewards = buffers.rewards
        self.terminations = buffers.terminations
        self.truncations = buffers.truncations
        self.masks = buffers.masks
        self.late = rows.late
        self.waiting = rows.waiting
        self.over = rows.over
        self.events = Events()
        self.upcoming = {}
        if len(adapters) * self.agents != len(buffers.rewards):
            raise ValueError(f"{len(adapters)} copies need {len(adapters) * self.agents} rows, "
                             f"got {len(buffers.rewards)}")
        for i, adapter in enumerate(adapters):
            if adapter.plan.row_size != self.row_size or adapter.agents_per_env != self.agents:
                raise ValueError("the copies of a batch must be alike")
            adapter.attach(buffers, i * self.agents)

    def reset(self, seeds, copies, options=None):
        """Begin new episodes in the given copies. Returns Events.

        `seeds` has a seed or None for each copy, `options`, unless it is None, a dict or None.
        """
        events = Events()
        # The last step may have raised, and left some.
        self.events = Events()
        for k, i in enumerate(copies):
            self.check(i)
            self.current = i
            self.clear_outputs(i)
            self.reset_copy(i, seeds[k], None if options is None else options[k], events.infos)
        return events

    # ---- The next episodes, and attributes ----

    def set_next(self, settings):
        """For the next episodes: `settings` has, by copy, a dict with a `seed`, `options`, and `parameters` by name.

        The parameters are attributes of the environment. Raises what `require_settable` does, and TypeError for options
        that the environment does not take, before anything is set.
        """
        for i, setting in settings.items():
            self.check(i)
            self.current = i
            adapter = self.adapters[i]
            adapter.require_options(setting.get("options"))
            for name in setting.get("parameters", ()):
                require_settable(adapter.env, name)
        self.keep_next(settings)

    def keep_next(self, settings):
        """Keep settings for the next episodes that have been checked."""
        for i, setting in settings.items():
            old = self.upcoming.get(i, {})
            parameters = {**old.get("parameters", {}), **setting.get("parameters", {})}
            self.upcoming[i] = {**old, **setting, "parameters": parameters}

    def request(self, Py_ssize_t i, seed=None, options=None):
        """The seed, the options and the parameters by name of the next reset of a copy that is given these two.

        An empty dict says no more of options than None does.
        """
        setting = self.upcoming.get(i, {})
        return (setting.get("seed") if seed is None else seed, options or setting.get("options", options),
                setting.get("parameters", {}))

    def call(self, name, arguments, named):
        """The attribute of that name of every copy, or what it returns when it is called with these arguments."""
        results = []
        for self.current, adapter in enumerate(self.adapters):
            results.append(attribute(adapter.env, name, arguments, named))
        return results

    def set_attr(self, name, values):
        """Set the attribute of that name of every copy to the value for it."""
        for self.current, adapter in enumerate(self.adapters):
            set_attribute(adapter.env, name, values[self.current])

    def start(self):
        """Begin to step every copy: nothing happens before `finish`."""

    def finish(self):
        """Step every copy with the actions in the rows. Returns Events, or None if there is nothing to report."""
        cdef Py_ssize_t i
        events = self.events
        for i in range(len(self.adapters)):
            self.current = i
            self.step_copy(i)
        # Most steps have nothing to report, so the same object waits for the one that has.
        if not events:
            return None
        self.events = Events()
        return events

    def render_copy(self, Py_ssize_t i):
        """What render() of a copy returns."""
        self.check(i)
        self.current = i
        return self.adapters[i].render()

    def close(self):
        """Close every copy; the first error is raised when all have been tried."""
        close_all(self.adapters)

    cdef int check(self, Py_ssize_t i) except -1:
        if not 0 <= i < len(self.adapters):
            raise IndexError(f"there is no copy {i} among {len(self.adapters)}")
        return 0

    cdef int step_copy(self, Py_ssize_t i) except -1:
        cdef Adapter adapter = self.adapters[i]
        cdef list infos = []
        self.clear_outputs(i)
        self.over[i] = False
        if self.waiting[i]:
            return self.reset_copy(i, None, None, self.events.infos)
        adapter.step(infos)
        if infos:
            keep_from(infos, 0)
        if self.late[i]:
            self.truncate(i)
            adapter.ended = True
        self.over[i] = adapter.ended
        if self.same_step and self.has_ends(i):
            self.keep_finals(i, infos)
        if self.same_step and adapter.ended:
            self.reset_in_step(i)
        elif infos:
            self.events.infos.extend(infos)
        return 0

    cdef int reset_copy(self, Py_ssize_t i, object seed, object options, list infos) except -1:
        cdef Adapter adapter = self.adapters[i]
        cdef Py_ssize_t first = len(infos)
        memset(&self.masks[i * self.agents], True, self.agents)
        if self.upcoming and i in self.upcoming:
            seed, options, parameters = self.request(i, seed, options)
            for name in list(parameters):
                # Not again in the next reset, if the environment refuses it.
                set_attribute(adapter.env, name, parameters.pop(name))
        adapter.options = options
        adapter.reset(adapter.seed_of(seed), infos)
        keep_from(infos, first)
        self.upcoming.pop(i, None)
        return 0

    cdef int reset_in_step(self, Py_ssize_t i) except -1:
        """Reset a copy whose step has just ended its episode; the rewards and flags of that step stay."""
        cdef Py_ssize_t first = i * self.agents, count = self.agents
        # An environment that writes in place may write these in its reset as well.
        cdef bytearray kept = bytearray(count * (sizeof(float) + 2))
        cdef char* memory = kept
        memcpy(memory, &self.rewards[first], count * sizeof(float))
        memcpy(memory + count * sizeof(float), &self.terminations[first], count)
        memcpy(memory + count * sizeof(float) + count, &self.truncations[first], count)
        self.clear_outputs(i)
        self.reset_copy(i, None, None, self.events.infos)
        memcpy(&self.rewards[first], memory, count * sizeof(float))
        memcpy(&self.terminations[first], memory + count * sizeof(float), count)
        memcpy(&self.truncations[first], memory + count * sizeof(float) + count, count)
        return 0

    cdef int clear_outputs(self, Py_ssize_t i) except -1:
        cdef Py_ssize_t first = i * self.agents
        memset(&self.rewards[first], 0, self.agents * sizeof(float))
        memset(&self.terminations[first], 0, self.agents)
        memset(&self.truncations[first], 0, self.agents)
        return 0

    cdef int truncate(self, Py_ssize_t i) except -1:
        """Truncate the agents that took part in the step."""
        cdef Py_ssize_t row
        for row in range(i * self.agents, (i + 1) * self.agents):
            self.truncations[row] |= self.masks[row]
        return 0

    cdef bint has_ends(self, Py_ssize_t i) noexcept:
        """Whether the episode of an agent has ended."""
        cdef Py_ssize_t row
        for row in range(i * self.agents, (i + 1) * self.agents):
            if self.terminations[row] | self.truncations[row]:
                return True
        return False

    cdef int keep_finals(self, Py_ssize_t i, list infos) except -1:
        """Keep the last observations and infos of the agents whose episodes have ended."""
        cdef Py_ssize_t row
        for row in range(i * self.agents, (i + 1) * self.agents):
            if self.terminations[row] | self.truncations[row]:
                memcpy(self.finals_memory + row * self.row_size, self.observation_memory + row * self.row_size,
                       self.row_size)
        for index, info in infos:
            row = index
            if self.terminations[row] | self.truncations[row]:
                self.events.final_infos.append((row, info))
        return 0


cdef int keep_from(list infos, Py_ssize_t first) except -1:
    """Keep the infos, pairs of row and dict, from an index on."""
    cdef Py_ssize_t k
    for k in range(first, len(infos)):
        row, info = infos[k]
        infos[k] = (row, kept(info))
    return 0


def kept(value):
    """A value of an environment as it is now, since an environment may go on writing into its arrays, dicts and lists.

    Arrays are copied, in the byte order of this machine as pickle has them, and dicts, lists, tuples and sets with all
    that is in them; anything else is handed on.
    """
    return copy_of(value, _DEEPEST)


cdef object copy_of(object value, int levels):
    kind = type(value)
    if kind is float or kind is int or kind is bool or kind is str or value is None or levels == 0:
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "O":
            copied = np.empty(value.shape, object)
            for place in np.ndindex(value.shape):
                copied[place] = copy_of(value[place], levels - 1)
            return copied
        return value.copy() if value.dtype.isnative else value.astype(value.dtype.newbyteorder("="))
    if isinstance(value, dict):
        return {key: copy_of(item, levels - 1) for key, item in value.items()}
    if kind is list:
        return [copy_of(item, levels - 1) for item in value]
    if kind is tuple:
        return tuple([copy_of(item, levels - 1) for item in value])
    return set(value) if kind is set else value


def close_all(closeables):
    """Close all of them; the first error is raised when all have been tried."""
    failure = None
    for one in closeables:
        try:
            one.close()
        except BaseException as raised:
            # Ctrl-C as well: nobody closes the rest later.
            failure = failure or raised
    if failure is not None:
        raise failure
