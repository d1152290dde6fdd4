"""Arrays for the results of steps, which are not written again while anybody holds them.

Whoever keeps an array that a step returned, or a view of it (a slice, a torch tensor, a memoryview, a DLPack capsule),
holds a reference to it, which CPython counts. A step writes into a set of arrays that nobody but this module refers to.
In a loop that keeps nothing two sets take turns; a set is made only when all of them are held.
"""
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cimport numpy as cnp

from puffer.native.buffers cimport Buffers

cnp.import_array()

cdef extern from "Python.h":
    PyObject* PyList_GET_ITEM(list items, Py_ssize_t index)
    Py_ssize_t Py_REFCNT(PyObject* item)

cdef extern from "puffer/native/references.h":
    bint puffer_is_unused(PyObject* thing, PyObject* dtype, int ndim, const cnp.npy_intp* shape, int flags)

cdef extern from "numpy/arrayobject.h":
    cnp.ndarray PyArray_NewFromDescr(type subtype, cnp.dtype descr, int nd, const cnp.npy_intp* dims,
                                     const cnp.npy_intp* strides, void* data, int flags, object obj)

# One cache line, and steps between the starts of arrays, so that the same rows of all of them do not compete for the
# same few sets of the first-level cache.
cdef enum:
    LINE = 64
    SHIFT = 576

# A caller who keeps more results than this gets new arrays every time, and the memory of those goes with them.
cdef enum:
    MOST_SETS = 4


cdef class _Memory:
    """Memory for the arrays of a set. It is no array: the views of an array then refer to it, and not past it."""
    cdef char* block
    cdef char* next

    def __cinit__(self, size_t size):
        # Zeroed: an author's observe() may leave entries that it never writes.
        self.block = <char*>calloc(size, 1)
        if self.block == NULL:
            raise MemoryError(f"no memory for {size} bytes of results")
        self.next = <char*>((<uintptr_t>self.block + LINE - 1) // LINE * LINE)

    def __dealloc__(self):
        free(self.block)

    cdef cnp.ndarray array_like(self, cnp.ndarray array, Py_ssize_t rows):
        """An array of the form of `array`, but for the number of rows."""
        cdef cnp.npy_intp[cnp.NPY_MAXDIMS] shape
        cdef int k, dimensions = cnp.PyArray_NDIM(array)
        cdef cnp.ndarray made
        cdef cnp.dtype dtype = array.dtype
        shape[0] = rows
        for k in range(1, dimensions):
            shape[k] = cnp.PyArray_DIM(array, k)
        Py_INCREF(dtype)
        made = PyArray_NewFromDescr(cnp.ndarray, dtype, dimensions, shape, NULL, self.next, cnp.NPY_ARRAY_CARRAY, None)
        cnp.set_array_base(made, self)
        self.next += (cnp.PyArray_NBYTES(made) + LINE - 1) // LINE * LINE + SHIFT
        return made


cdef class OutputSet(Buffers):
    """Observations, rewards, terminations and truncations of one step; actions and masks are those of the batch."""

    def __init__(self):
        raise TypeError("an OutputSet is made by Outputs")


cdef class Outputs:
    """Outputs(home, rows)
--

Sets of arrays for the results of the rows `rows`, a slice, of the batch that lives in the buffers `home`.

Raises TypeError for buffers that were never made.
"""

    def __cinit__(self, Buffers home not None, slice rows not None):
        if home.observations is None:
            raise TypeError("home are buffers that were never made")
        self.home = home
        self.rows = rows
        self.num_rows = rows.stop - rows.start
        self.sets = []

    cdef bint is_unused(self, OutputSet one) noexcept:
        """Whether nobody else refers to the arrays of a set, which still are as they were made."""
        return (self.has_form(<PyObject*>one.observations, self.home.observations)
                and self.has_form(<PyObject*>one.rewards, self.home.rewards)
                and self.has_form(<PyObject*>one.terminations, self.home.terminations)
                and self.has_form(<PyObject*>one.truncations, self.home.truncations))

    cdef bint has_form(self, PyObject* array, cnp.ndarray like) noexcept:
        self.shape[0] = self.num_rows
        memcpy(self.shape + 1, cnp.PyArray_DIMS(like) + 1, (cnp.PyArray_NDIM(like) - 1) * sizeof(cnp.npy_intp))
        return puffer_is_unused(array, <PyObject*>cnp.PyArray_DESCR(like), cnp.PyArray_NDIM(like), self.shape,
                                cnp.NPY_ARRAY_CARRAY)

    cdef OutputSet take(self):
        """A set that nobody holds, with the results of an earlier step or zeros."""
        cdef Py_ssize_t k
        cdef PyObject* candidate
        cdef OutputSet made
        for k in range(len(self.sets)):
            candidate = PyList_GET_ITEM(self.sets, k)
            if Py_REFCNT(candidate) == 1 and self.is_unused(<OutputSet>candidate):
                return <OutputSet>candidate
        if len(self.sets) == MOST_SETS:
            del self.sets[0]
        made = self.make()
        self.sets.append(made)
        return made

    cdef OutputSet make(self):
        cdef OutputSet made = OutputSet.__new__(OutputSet)
        cdef Buffers home = self.home
        cdef Py_ssize_t rows = self.num_rows, all_rows = len(home.rewards)
        cdef size_t size = cnp.PyArray_NBYTES(home.observations) // all_rows * rows + 6 * rows
        cdef _Memory memory = _Memory(size + 5 * LINE + 4 * SHIFT)
        made.observations = memory.array_like(home.observations, rows)
        made.rewards = memory.array_like(home.rewards, rows)
        made.terminations = memory.array_like(home.terminations, rows)
        made.truncations = memory.array_like(home.truncations, rows)
        made.actions, made.masks = home.actions, home.masks
        if rows != all_rows:
            made.actions, made.masks = home.actions[self.rows], home.masks[self.rows]
        made.observation_memory = <char*>cnp.PyArray_DATA(made.observations)
        return made

    cdef OutputSet filled(self, Buffers source):
        """A set with what these rows have in the buffers `source`."""
        cdef OutputSet made = self.take()
        cdef Py_ssize_t start = self.rows.start
        _copy_rows(made.observations, source.observations, start)
        _copy_rows(made.rewards, source.rewards, start)
        _copy_rows(made.terminations, source.terminations, start)
        _copy_rows(made.truncations, source.truncations, start)
        return made


cdef int _copy_rows(cnp.ndarray target, cnp.ndarray source, Py_ssize_t start) except -1:
    """Fill `target` from the row `start` of `source` on."""
    cdef Py_ssize_t size = cnp.PyArray_NBYTES(target)
    start *= size // cnp.PyArray_DIM(target, 0)
    memcpy(cnp.PyArray_DATA(target), <char*>cnp.PyArray_DATA(source) + start, size)
    return 0
