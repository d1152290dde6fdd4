cimport numpy as cnp
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int32_t, int64_t, uint8_t

cdef enum:
    MAX_DIMENSIONS = 64


# The end of an episode as a step records it: its row in the batch; the return, the seconds (0 where nobody asks for
# them) and the steps of the episode; the flags of the row.
cdef struct end_t:
    int64_t row
    double total
    double seconds
    int32_t length
    uint8_t terminated
    uint8_t truncated


# The entries that one thread wrote: [start, start + count).
cdef struct stretch_t:
    int64_t start
    int64_t count


cdef class EndsForm:
    """What the ends of all steps of a part have in common. See ends.pyx."""
    cdef Py_ssize_t num_rows
    cdef Py_ssize_t first_row
    cdef tuple shape
    cdef cnp.dtype dtype
    cdef Py_ssize_t row_size
    cdef bint has_seconds
    # Sizes of the observations of ended rows; the first is set for each array.
    cdef int ndim
    cdef cnp.npy_intp sizes[MAX_DIMENSIONS]
    # What `final_obs` of earlier steps leaves for later ones, see finals.pyx.
    cdef object finals


cdef class EndsMemory:
    """Where a step records the episodes that end in it. See ends.pyx."""
    cdef object end_array, observation_array
    cdef end_t* entries
    cdef char* observations
    cdef stretch_t* stretches
    cdef int num_stretches
    cdef Py_ssize_t row_size
    # The EpisodeEnds that still read what is recorded here, borrowed, or NULL.
    cdef void* reader

    cdef Py_ssize_t count(self) noexcept
    cdef int join(self) noexcept


cdef class EpisodeEnds:
    """The episodes that ended in a step. See ends.pyx."""
    cdef EndsForm form
    # Where the entries are, until they have been moved to `own`.
    cdef EndsMemory memory
    cdef object own
    cdef Py_ssize_t count
    cdef bint is_joined
    cdef object row_array, observation_array, return_array, length_array, terminated_array, truncated_array
    cdef object second_array

    @staticmethod
    cdef EpisodeEnds over(EndsForm form, EndsMemory memory, Py_ssize_t count)
    cdef const end_t* entries(self)
    cdef const char* last_observations(self)
    cdef int move(self) except -1


cdef class EndsRecorder:
    """Hands out the memory that the steps of a part record into. See ends.pyx."""
    cdef EndsForm form
    cdef Py_ssize_t most_stretches
    cdef EndsMemory memory, other

    cdef EndsMemory ready(self)
    cdef EpisodeEnds recorded(self)


cdef extern from "numpy/arrayobject.h":
    # Takes the reference to the dtype.
    cnp.ndarray PyArray_NewFromDescr(PyTypeObject* cls, cnp.dtype dtype, int ndim, const cnp.npy_intp* shape,
                                     const cnp.npy_intp* strides, void* data, int flags, PyObject* like)


cdef cnp.ndarray new_array(Py_ssize_t length, int type_number)
cdef cnp.ndarray new_rows(EndsForm form, Py_ssize_t count)
cdef cnp.ndarray new_row(EndsForm form)
