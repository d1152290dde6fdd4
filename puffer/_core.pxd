# PUBLIC: the author of a native environment cimports it. An extension compiled against this file and native/rules.pxd
# holds their layout, so any change to the fields or to the order of methods must raise PUFFER_ABI in native/abi.h,
# which then refuses extensions built for another layout instead of letting them write to the wrong addresses.
from puffer.native.buffers cimport Buffers
from puffer.native.raster cimport Canvas
from puffer.native.rules cimport Rules

cdef extern from "puffer/native/abi.h":
    const int PUFFER_ABI
    # Every extension calls it by itself.
    int import_puffer() except -1


cdef class Env(Rules):
    """Base class of native environments: all copies of one environment. See _core.pyx."""

    # The Batch that resets and steps the copies; None until Env.__init__() has run.
    cdef readonly object batch
    # The arguments that the class was called with: those in order, and those by name.
    cdef readonly tuple made_with

    # ---- To be written by an author whose copies tell their state ----
    cdef dict state_one(self, Py_ssize_t i)

    # ---- To be called by an author ----
    # By a method that reads or writes the state of episodes: raises, with its name, while that is not possible.
    cdef int require_settled(self, str method) except -1
    # By an __init__ that sets fields before it calls that of Env.
    cdef int require_unmade(self) except -1
