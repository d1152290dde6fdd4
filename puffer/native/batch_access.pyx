"""What can be read and changed between the steps of a batch: statistics, snapshots, pictures, masks, attributes."""
import numpy as np
from gymnasium import error

from puffer import checks
from puffer.native.action_masks import masks_of
from puffer.native.buffers import BUFFER_NAMES

from puffer.native.action_masks cimport INFOS
from puffer.native.backend cimport Backend, BackendBase, Part
from puffer.native.batch_state cimport NEW, READY, BatchState
from puffer.native.buffers cimport Buffers


cdef class BatchAccess(BatchState):
    """BatchAccess(backend, spec, options, buffers, *_, independent_agents=False)
--

The calls of a `Batch` that step nothing. Its parameters are described there.
"""

    def __cinit__(self, Backend backend not None, spec, options, Buffers buffers not None, *_,
                  bint independent_agents=False):
        self.legal = masks_of(backend, spec, self.num_agents)
        if options.action_masks and self.legal is None:
            raise TypeError("action_masks=True: the environment has no masks for its actions, "
                            f"{spec.action_layout.space}")
        # What an environment itself tells in its infos stays as it is.
        self.tells_masks = options.action_masks and self.legal.source != INFOS
        if self.tells_masks:
            self.legal.follow()

    # ---- Rows ----

    @property
    def observations(self):
        """The observations of all rows as last written, (num_agents, ...)."""
        return self.results.buffers.observations

    @property
    def masks(self):
        """Whether the agent of each row took part in the last step, or begins an episode: bool (num_agents,), live."""
        return self.results.buffers.masks

    # ---- Statistics, snapshots, pictures ----

    def stats(self):
        """Means over the episodes that ended since the last call, which it forgets.

        Those of parts between send() and recv() count in a later call. Returns a dict with `episodes` (their number,
        counted per agent) and, when there are any, `episode_return`, `episode_length` and the environment's own
        statistics.
        """
        self.claim()
        try:
            under_way = [part.index for part in self.pending if not (<Part>part).is_fresh]
            return self.backend.stats([part for part in self.parts if part.index not in under_way])
        finally:
            self.claimed = 0

    def get_state(self, copies=None):
        """Snapshots of copies: their whole state, random stream and episode so far included.

        Parameters
        ----------
        copies : sequence of int, optional
            Which copies; all by default.

        Returns
        -------
        uint8 array of shape (number of copies, bytes of a snapshot)
            Valid for environments of the same class, version, parameters and autoreset mode, in any copy of them.
        """
        return self._settled("get_state", lambda: self.backend.get_state(self._chosen(copies)))

    def set_state(self, state, copies=None):
        """Restore snapshots into copies, exactly; their observations (and masks) are written again.

        Parameters
        ----------
        state : uint8 array
            As `get_state` returned it.
        copies : sequence of distinct int, optional
            One for each row of `state`; all by default.

        Raises TypeError or ValueError, before anything is changed, for anything but a snapshot of this environment.
        """
        self._settled("set_state", lambda: self._restored(state, self._chosen(copies)))

    def _restored(self, state, copies):
        self.renew_but(self._are_among(copies))
        self.backend.set_state(state, copies)
        if self.results.rollout is not None:
            rows = (copies[:, None] * self.agents_per_env + np.arange(self.agents_per_env)).ravel()
            self.results.rollout.restored(rows, *self.backend.progress())
        self.seen()

    def redraw(self, copy):
        """Write the observations of a copy again, after a method of a native environment has changed its state."""
        self._settled("redraw", lambda: self._redrawn(self._index("copy", copy)))

    def _redrawn(self, copy):
        self.renew_but(self._are_among(copy))
        self.backend.redraw(copy)
        self.seen()

    cdef int renew_but(self, object written) except -1:
        """Before some copies are written, of bool (num_copies,): turn to other arrays, and draw the rest again.

        The rest was copied from the last results, which their holder may have written into. It stays where agents of a
        copy were reset since the last step: others still show these as they were before.
        """
        if self.results.renew(True) and not self.is_outdated:
            for copy in np.flatnonzero(~written):
                self.backend.redraw(copy)
        return 0

    cdef int seen(self) except -1:
        """After observations have been written again: hand them on."""
        self.results.copied(None)
        self.results.is_drawn = not self.is_outdated
        self.update_masks(0, self.num_copies, {}, None)
        if self.results.rollout is not None:
            self.results.rollout.see(self.results.written())
        return 0

    def render_copy(self, copy=0):
        """A picture of one copy, (height, width, 3) uint8; of a Python environment, what its render() returns."""
        return self._drawn(lambda: self.backend.render_copy(self._index("copy", copy)))

    def ansi_copy(self, copy=0):
        """One copy as text, for environments with the render mode "ansi"."""
        return self._drawn(lambda: self.backend.ansi_copy(self._index("copy", copy)))

    def _drawn(self, function):
        """The result of a function that draws a copy; an environment in Python decides what it draws before a reset."""
        return self._settled("render", function, self.status == NEW and isinstance(self.backend, BackendBase))

    def require(self, method):
        """Raise unless the state of episodes may be read now, by the method of that name."""
        self._settled(method, lambda: None)

    def content(self):
        """Everything that `restore` needs to go on in another batch of the same native environment."""
        cdef Part part
        self.claim()
        try:
            if self.results.rollout is not None:
                raise TypeError("a batch that writes into rollout_buffers() cannot be pickled or copied")
            if self.status == NEW:
                return {"early": self.backend.early()}
            self.require_settled("pickle or copy")
            return {
                "state": self.backend.get_state(self._chosen(None)),
                "arrays": {name: getattr(self.results.buffers, name).copy() for name in BUFFER_NAMES},
                "awaiting": [part.index for part in self.awaiting],
                # With the infos of a reset whose parts nobody has received yet.
                "pending": [(part.index, part.reset_info) for part in self.pending],
                "rest": self.backend.rest(),
            }
        finally:
            self.claimed = 0

    def restore(self, content):
        """Take over the `content` of another batch."""
        cdef Part part
        for copies, seed, parameters in content.get("early", ()):
            self.backend.set_next(copies, seed, None, parameters)
        if "state" not in content:
            return
        self.reset(seed=0)
        self.set_state(content["state"])
        for name, array in content["arrays"].items():
            np.copyto(getattr(self.results.written(), name), array)
        self.awaiting.clear()
        self.awaiting.extend([self.parts[index] for index in content["awaiting"]])
        self.pending.clear()
        for index, reset_info in content["pending"]:
            part = self.parts[index]
            part.is_fresh = True
            part.reset_info = reset_info
            self.pending.append(part)
        self.backend.take_rest(content["rest"])

    # ---- Action masks ----

    @property
    def action_masks(self):
        """Which actions each row may take now, bool (num_agents, actions), live; None where there are no masks.

        Masks that an environment tells in its infos are known after the first reset. Raises ValueError for those of
        another shape than the actions.
        """
        self.follow_masks()
        return None if self.legal is None else self.legal.shown()

    cdef int follow_masks(self) except -1:
        """Keep masks from now on, if there are any."""
        cdef Part part
        if self.legal is None or self.legal.is_followed:
            return 0
        self.claim()
        try:
            self.legal.follow()
            if self.status == READY:
                for part in self.parts:
                    # Those under way write them when they are finished.
                    if part.is_fresh or part not in self.pending:
                        self.update_masks(part.first, part.last, {}, None)
        finally:
            self.claimed = 0
        return 0

    cdef int update_masks(self, Py_ssize_t first, Py_ssize_t last, object info, object rows) except -1:
        """Take over the masks of copies after a reset of all rows or of some, or a step, that has brought this info."""
        if self.legal is not None and self.legal.is_followed:
            self.legal.update(first, last, self.results.written(), info, rows)
        return 0

    cdef int tell_masks(self, object info, object where, object rows) except -1:
        """Put the masks of a slice of the rows into their info, as of those that a reset has chosen, if asked to."""
        if self.tells_masks:
            masks = self.legal.array[where].view(np.int8).copy()
            info["action_mask"], info["_action_mask"] = masks, np.ones(len(masks), np.bool_) if rows is None else rows
        return 0

    def sample_legal(self, generator):
        """A random legal action for each row that the next `step` or `send` takes.

        Parameters
        ----------
        generator : numpy.random.Generator

        Returns
        -------
        int64 array (rows, ...)
            Of the flat action space; each number is uniform among its legal values.

        Raises ResetNeeded before the first reset, TypeError where there are no masks, AlreadyPendingCallError while
        every part is under way.
        """
        cdef Part part
        self.claim()
        try:
            self.require_ready("sample_legal")
        finally:
            self.claimed = 0
        if self.action_masks is None:
            raise TypeError("sample_legal(): this batch has no action masks; env.action_space.sample() draws among all "
                            "actions")
        if not self.awaiting:
            raise error.AlreadyPendingCallError("sample_legal() while every part is under way; call recv() first",
                                                "sample_legal")
        part = self.awaiting[0]
        return self.legal.draw(part.rows.start, part.rows.stop, generator)

    # ---- Attributes, and what the next episodes begin with ----

    def call(self, name, *arguments, **named):
        """The attribute of that name of every copy, or what it returns when it can be called, as a tuple.

        Of a native environment: a parameter of its class or an attribute; a method with a parameter `copy` is called
        for each copy. Raises AttributeError for a name that there is not, AlreadyPendingCallError between send() and
        recv(); in workers a WorkerError for what a copy raises, which is an AttributeError too if that was one.
        """
        if isinstance(self.backend, BackendBase):
            return self._idle("call", lambda: tuple(self.backend.call(name, arguments, named)))
        # The methods of a native environment claim the batch themselves.
        self._idle("call", lambda: None)
        return tuple(self.backend.call(name, arguments, named))

    def set_attr(self, name, values):
        """Set the attribute of every copy: `values` is one value, or a list or tuple with one for each copy.

        Raises ValueError for another number of values, AttributeError for a native environment, whose copies are not
        objects of their own; see `set_next`.
        """
        values = values if isinstance(values, (list, tuple)) else [values] * self.num_copies
        values = checks.by_copy("values", values, self.num_copies)
        self._idle("set_attr", lambda: self.backend.set_attr(name, values))

    def set_next(self, copies=None, *, seed=None, options=None, **parameters):
        """Set seeds, options and parameters for the next episodes of copies, however those begin.

        They hold for the next reset, be it the one within or after the step that ends the episode, or a call of
        `reset` without a seed or options of its own. A later call adds to an earlier one, or replaces it.

        Parameters
        ----------
        copies : int or sequence of distinct int, optional
            Which copies; all by default.
        seed : int or sequence of (int or None), optional
            As in `reset`, so one int s means for each copy what it means in reset(seed=s); a sequence has one for each
            of these copies.
        options : dict or sequence of (dict or None), optional
            As in `reset`; a sequence has one for each of these copies.
        **parameters
            Of a native environment, those that its class lets copies have of their own; of one in Python, attributes.
            They hold until they are set again. Each is one value, or a list, tuple or array with one for each of these
            copies.

        Raises TypeError or ValueError for bad values, and for what the environment does not take; AttributeError for an
        attribute that it does not have; AlreadyPendingCallError for a copy between send() and recv().
        """
        cdef Part part
        self.claim()
        try:
            chosen = self._chosen([copies] if isinstance(copies, (int, np.integer)) else copies).tolist()
            if seed is None and options is None and not parameters:
                raise TypeError("set_next() takes seed=, options=, or parameters of the environment")
            seed = None if seed is None else checks.seeds(seed, len(chosen))
            options = checks.reset_options(options, len(chosen))
            if options is not None:
                self.backend.check_options(options)
            parameters = {name: checks.by_copy(name, value, len(chosen)) for name, value in parameters.items()}
            for part in self.pending:
                if not part.is_fresh and any([part.first <= copy < part.last for copy in chosen]):
                    raise error.AlreadyPendingCallError("set_next() between send() and recv()", "set_next")
            self._guarded(lambda: self.backend.set_next(chosen, seed, options, parameters))
        finally:
            self.claimed = 0
