"""The episodes that end in a step, as arrays.

A step records the ends of episodes in memory of its part, whether somebody will look or not. `EpisodeEnds` makes arrays
of them when they are asked for, each by itself and as long as the ends are many. The memory is used again as soon as
nobody can ask any more. If somebody still can when it is needed, the entries are first moved to memory of their own, so
that what is kept takes no more than the rows that ended.
"""
import numpy as np

cimport cython
cimport numpy as cnp
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memmove

from puffer.native.buffers import aligned_zeros

cnp.import_array()

# Where entries are read while there are none.
cdef end_t NO_END


@cython.final
cdef class EndsForm:
    """EndsForm(num_rows, first_row, shape, dtype, has_seconds)
--

What the ends of all steps of a part have in common.

Parameters
----------
num_rows, first_row : int
    Rows of the part, and the first of them in the batch.
shape, dtype
    Of the observation of one row.
has_seconds : bool
    Whether the duration of episodes is measured.
"""

    def __cinit__(self, Py_ssize_t num_rows, Py_ssize_t first_row, shape, dtype, bint has_seconds):
        if not 0 <= num_rows < 2**31:
            raise ValueError(f"num_rows must be at most 2**31 - 1, got {num_rows}")
        self.num_rows = num_rows
        self.first_row = first_row
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.row_size = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        self.has_seconds = has_seconds
        self.ndim = 1 + len(self.shape)
        if self.ndim > MAX_DIMENSIONS:
            raise ValueError(f"shape must have fewer than {MAX_DIMENSIONS} sizes, got {len(self.shape)}")
        for k in range(1, self.ndim):
            self.sizes[k] = self.shape[k - 1]


@cython.final
@cython.no_gc
cdef class EndsMemory:
    """EndsMemory(form, most_stretches)
--

Room for an end in every row of a part. The threads of a step write a stretch of it each.
"""

    def __cinit__(self, EndsForm form not None, Py_ssize_t most_stretches):
        # The stretches come first, in the room of whole entries.
        cdef Py_ssize_t head = (most_stretches * sizeof(stretch_t) + sizeof(end_t) - 1) // sizeof(end_t)
        self.end_array = aligned_zeros(((head + form.num_rows) * sizeof(end_t),), np.uint8)
        self.observation_array = aligned_zeros((form.num_rows * form.row_size,), np.uint8)
        self.stretches = <stretch_t*>cnp.PyArray_DATA(<cnp.ndarray>self.end_array)
        self.entries = <end_t*>cnp.PyArray_DATA(<cnp.ndarray>self.end_array) + head
        self.observations = <char*>cnp.PyArray_DATA(<cnp.ndarray>self.observation_array)
        self.row_size = form.row_size

    cdef Py_ssize_t count(self) noexcept:
        """How many ends are recorded here."""
        cdef Py_ssize_t total = 0
        cdef int k
        for k in range(self.num_stretches):
            total += self.stretches[k].count
        return total

    cdef int join(self) noexcept:
        """Move the stretches together, to the front."""
        cdef Py_ssize_t end = 0
        cdef stretch_t* stretch
        cdef int k
        for k in range(self.num_stretches):
            stretch = &self.stretches[k]
            if stretch.count and stretch.start != end:
                memmove(self.entries + end, self.entries + stretch.start, stretch.count * sizeof(end_t))
                memmove(self.observations + end * self.row_size, self.observations + stretch.start * self.row_size,
                        stretch.count * self.row_size)
            end += stretch.count
        return 0


@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class EpisodeEnds:
    """The episodes that ended in a step, as contiguous arrays with an entry for each: `env.ends`.

    `len(ends)` is the number of episodes; the arrays are empty when none has ended. The entries are in the order of the
    rows. An array is made when it is asked for, and no later step changes it.

    Attributes
    ----------
    rows : (k,) int64
        The rows whose episodes ended, within the part that `step` or `recv` returned, as in infos.
    observations : (k, ...) array
        The last observation of each episode, as a row, in every autoreset mode.
    returns : (k,) float64
        The sum of the rewards of the episode.
    lengths : (k,) int64
        Its steps.
    terminated, truncated : (k,) bool
        The flags of the rows. Both are True where an episode terminates in the step that reaches its time limit.
    seconds : (k,) float64 or None
        How long the episode took; None without `record_episodes`.
    """

    def __init__(self, *args, **kwargs):
        raise TypeError("a batch makes EpisodeEnds: read env.ends after a step")

    def __dealloc__(self):
        if self.memory is not None:
            self.memory.reader = NULL

    @staticmethod
    cdef EpisodeEnds over(EndsForm form, EndsMemory memory, Py_ssize_t count):
        """The ends that are recorded in a memory, which may be None if there are none."""
        cdef EpisodeEnds ends = EpisodeEnds.__new__(EpisodeEnds)
        ends.form = form
        ends.count = count
        if count:
            ends.memory = memory
            memory.reader = <void*>ends
        return ends

    cdef const end_t* entries(self):
        """The entries, one after the other."""
        if self.own is not None:
            return <const end_t*>cnp.PyArray_DATA(<cnp.ndarray>self.own)
        if self.memory is None:
            return &NO_END
        if not self.is_joined:
            self.memory.join()
            self.is_joined = True
        return self.memory.entries

    cdef const char* last_observations(self):
        """The rows of the last observations, one after the other."""
        if self.observation_array is not None:
            return cnp.PyArray_BYTES(<cnp.ndarray>self.observation_array)
        self.entries()
        return NULL if self.memory is None else self.memory.observations

    cdef int move(self) except -1:
        """Let go of the memory, which is needed for another step."""
        cdef const end_t* entries = self.entries()
        self.observations
        own = new_array(self.count * sizeof(end_t), cnp.NPY_UINT8)
        memcpy(cnp.PyArray_DATA(own), entries, self.count * sizeof(end_t))
        self.own = own
        self.memory.reader = NULL
        self.memory = None
        return 0

    def __len__(self):
        return self.count

    def __repr__(self):
        return f"<EpisodeEnds of {self.count} rows>"

    # ---- Arrays ----

    @property
    def rows(self):
        cdef const end_t* entries = self.entries()
        cdef int64_t* rows
        cdef Py_ssize_t k
        if self.row_array is None:
            array = new_array(self.count, cnp.NPY_INT64)
            rows = <int64_t*>cnp.PyArray_DATA(array)
            for k in range(self.count):
                rows[k] = entries[k].row - self.form.first_row
            self.row_array = array
        return self.row_array

    @property
    def observations(self):
        if self.observation_array is None:
            if self.form is None:
                raise TypeError("these EpisodeEnds are of no batch")
            array = new_rows(self.form, self.count)
            if self.count:
                memcpy(cnp.PyArray_DATA(array), self.last_observations(), self.count * self.form.row_size)
            self.observation_array = array
        return self.observation_array

    @property
    def returns(self):
        if self.return_array is None:
            self.return_array = doubles(&self.entries().total, self.count)
        return self.return_array

    @property
    def lengths(self):
        cdef const end_t* entries = self.entries()
        cdef int64_t* lengths
        cdef Py_ssize_t k
        if self.length_array is None:
            array = new_array(self.count, cnp.NPY_INT64)
            lengths = <int64_t*>cnp.PyArray_DATA(array)
            for k in range(self.count):
                lengths[k] = entries[k].length
            self.length_array = array
        return self.length_array

    @property
    def terminated(self):
        if self.terminated_array is None:
            self.terminated_array = flags(&self.entries().terminated, self.count)
        return self.terminated_array

    @property
    def truncated(self):
        if self.truncated_array is None:
            self.truncated_array = flags(&self.entries().truncated, self.count)
        return self.truncated_array

    @property
    def seconds(self):
        if self.second_array is None and self.form is not None and self.form.has_seconds:
            self.second_array = doubles(&self.entries().seconds, self.count)
        return self.second_array


cdef cnp.ndarray new_array(Py_ssize_t length, int type_number):
    cdef cnp.npy_intp size = length
    return cnp.PyArray_SimpleNew(1, &size, type_number)


cdef cnp.ndarray new_rows(EndsForm form, Py_ssize_t count):
    form.sizes[0] = count
    Py_INCREF(form.dtype)
    return PyArray_NewFromDescr(<PyTypeObject*>cnp.ndarray, form.dtype, form.ndim, form.sizes, NULL, NULL, 0, NULL)


cdef cnp.ndarray new_row(EndsForm form):
    Py_INCREF(form.dtype)
    return PyArray_NewFromDescr(<PyTypeObject*>cnp.ndarray, form.dtype, form.ndim - 1, form.sizes + 1, NULL, NULL, 0,
                                NULL)


cdef cnp.ndarray doubles(const double* field, Py_ssize_t count):
    """A field of entries, by the address of the first one."""
    cdef cnp.ndarray array = new_array(count, cnp.NPY_FLOAT64)
    cdef double* values = <double*>cnp.PyArray_DATA(array)
    cdef Py_ssize_t k
    for k in range(count):
        values[k] = field[k * <Py_ssize_t>(sizeof(end_t) // sizeof(double))]
    return array


cdef cnp.ndarray flags(const uint8_t* field, Py_ssize_t count):
    """A field of entries, by the address of the first one."""
    cdef cnp.ndarray array = new_array(count, cnp.NPY_BOOL)
    cdef uint8_t* values = <uint8_t*>cnp.PyArray_DATA(array)
    cdef Py_ssize_t k
    for k in range(count):
        values[k] = field[k * <Py_ssize_t>sizeof(end_t)]
    return array


@cython.final
cdef class EndsRecorder:
    """EndsRecorder(form, most_stretches)
--

Hands out the memory that the steps of a part record into: two in turns, because a caller tends to hold the info of the
last step during the next one.
"""

    def __cinit__(self, EndsForm form not None, Py_ssize_t most_stretches):
        self.form = form
        self.most_stretches = most_stretches

    cdef EndsMemory ready(self):
        """The memory for the coming step, which sets `num_stretches` and writes as many."""
        if self.memory is None:
            self.memory = EndsMemory(self.form, self.most_stretches)
        elif self.memory.reader != NULL:
            if self.other is None:
                self.other = EndsMemory(self.form, self.most_stretches)
            self.memory, self.other = self.other, self.memory
            if self.memory.reader != NULL:
                (<EpisodeEnds>self.memory.reader).move()
        return self.memory

    cdef EpisodeEnds recorded(self):
        """The ends that the step has recorded, or None if there are none."""
        cdef Py_ssize_t count = self.memory.count()
        return EpisodeEnds.over(self.form, self.memory, count) if count else None
