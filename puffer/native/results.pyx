"""Where the results of a batch lie: in live buffers, in sets of arrays that nobody holds, or in a rollout."""
cimport cython
from cpython.object cimport PyObject

from puffer.native.backend cimport Backend, Part
from puffer.native.buffers cimport Buffers
from puffer.native.outputs cimport Outputs
from puffer.native.rollout cimport Rollout

cdef extern from "puffer/native/references.h":
    bint COUNTS_ARE_EXACT "PUFFER_COUNTS_ARE_EXACT"
    Py_ssize_t Py_REFCNT(PyObject* item)


@cython.final
cdef class Results:
    """Results(backend, buffers, parts)
--

The arrays of a batch, whose copies live in `buffers`.

Parameters
----------
backend : Backend
buffers : puffer.Buffers
parts : list of Part

Attributes
----------
buffers : puffer.Buffers
    Those of the last results.
"""

    def __cinit__(self, Backend backend not None, Buffers buffers not None, list parts not None):
        self.backend = backend
        self.home = buffers
        self.parts = parts
        self.is_whole = len(parts) == 1
        self.show(buffers)

    cdef int show(self, Buffers buffers) except -1:
        """Hand these buffers out from now on."""
        cdef Part part
        self.buffers = buffers
        for part in self.parts:
            part.attach(buffers)
        return 0

    cdef int write_to(self, Buffers buffers) except -1:
        """Have the copies write into these buffers from now on."""
        self.show(buffers)
        self.backend.attach(buffers)
        return 0

    cdef Buffers written(self):
        """The buffers in which the copies have left their results."""
        return self.home if self.outputs is not None and not self.is_moving else self.buffers

    cdef Buffers copied(self, Part part):
        """The results of a part, or of the batch, copied if they were not written to where they are wanted."""
        cdef Buffers made
        if self.outputs is None or self.is_moving:
            return self.buffers
        if part is None or part.is_whole:
            made = self.outputs.filled(self.home)
        else:
            made = part.outputs.filled(self.home)
        if self.is_whole:
            self.buffers = made
        return made

    cdef int renew(self, bint keep) except -1:
        """Before results are written: turn to arrays that nobody holds, with what is in the last ones if it is kept.

        Returns whether there is something kept that its holder may have written into.
        """
        cdef bint is_new
        if not self.is_moving or (self.rollout is not None and self.rollout.step_buffers is not None):
            return False
        is_new = not keep or not self.is_drawn or self.is_held()
        if is_new:
            self.write_to(self.outputs.filled(self.buffers) if keep else self.outputs.take())
            self.references = self.count_references()
        self.is_drawn = False
        return is_new and keep

    cdef bint is_held(self) noexcept:
        """Whether anybody else has come to refer to the arrays to which `renew` has turned last."""
        return not COUNTS_ARE_EXACT or self.count_references() != self.references

    cdef Py_ssize_t count_references(self) noexcept:
        cdef Buffers held = self.buffers
        return (Py_REFCNT(<PyObject*>held) + Py_REFCNT(<PyObject*>held.observations)
                + Py_REFCNT(<PyObject*>held.rewards) + Py_REFCNT(<PyObject*>held.terminations)
                + Py_REFCNT(<PyObject*>held.truncations))

    cdef int keep(self) except -1:
        """From now on, overwrite no array that was handed out while anybody holds it or a view of it."""
        cdef Part part
        if self.outputs is not None:
            return 0
        self.outputs = Outputs(self.home, slice(0, len(self.home.rewards)))
        self.is_moving = self.is_whole and self.backend.can_attach(self.home, self.outputs)
        if not self.is_moving:
            for part in self.parts:
                part.outputs = Outputs(self.buffers, part.rows)
        return 0

    cdef int record(self, Rollout rollout) except -1:
        """Have results written into the rollout, by the steps themselves where that can be."""
        cdef bint was_direct = self.rollout is not None and self.rollout.step_buffers is not None
        cdef Outputs outputs
        cdef bint is_direct = rollout.layout == "time" and self.is_whole
        if is_direct:
            outputs = self.outputs or Outputs(self.home, slice(0, len(self.home.rewards)))
            is_direct = self.backend.can_attach(self.home, outputs)
        if is_direct:
            rollout.lead_to(self.home)
        elif was_direct:
            self.write_to(self.home)
        self.backend.is_recording = is_direct
        self.rollout = rollout
        return 0
