"""Actions of a caller become the rows of an action buffer, in one vectorised pass that also checks them."""
import numpy as np
from gymnasium import spaces
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy

cimport numpy as cnp

from puffer.layout.array_casts cimport cast_array, code_of, exact

cnp.import_array()

# The loops over items borrow them: counting references would take half of the time.
cdef extern from "Python.h":
    PyObject** PySequence_Fast_ITEMS(object items)
    Py_ssize_t PySequence_Fast_GET_SIZE(object items)
    bint PyLong_CheckExact(PyObject* item)
    long long PyLong_AsLongLongAndOverflow(PyObject* item, int* overflow) except? -1
    PyTypeObject* Py_TYPE(PyObject* item)

cdef extern from "numpy/arrayscalars.h":
    ctypedef struct PyInt64ScalarObject:
        int64_t obval

cdef PyObject* _INT64 = <PyObject*>np.int64

cdef extern from "puffer/native/actions.h" nogil:
    bint take_int32(Py_ssize_t n, Py_ssize_t columns, const int32_t* source, int32_t* target, const int32_t* low,
                    const uint32_t* count)
    bint take_int64(Py_ssize_t n, Py_ssize_t columns, const int64_t* source, int32_t* target, const int32_t* low,
                    const uint32_t* count)
    bint take_int32_wide(Py_ssize_t n, Py_ssize_t columns, const int32_t* source, int64_t* target, const int32_t* low,
                         const uint32_t* count)
    bint take_int64_wide(Py_ssize_t n, Py_ssize_t columns, const int64_t* source, int64_t* target, const int32_t* low,
                         const uint32_t* count)
    bint take_float32(Py_ssize_t n, const float* source, float* target)
    bint take_float64(Py_ssize_t n, const double* source, float* target)
    bint take_float32_wide(Py_ssize_t n, const float* source, double* target)
    bint take_float64_wide(Py_ssize_t n, const double* source, double* target)


# For actions that are not in rows.
_REMEDY = ("; actions are rows of numbers: env.action_layout.flatten(action) makes the row of an action, and a batch "
           "made with flat=False takes actions of the environment's own space")


cdef cnp.ndarray as_array(object actions):
    """`actions` as an array."""
    if cnp.PyArray_CheckExact(actions):
        return actions
    array = _integers(actions) if type(actions) is list or type(actions) is tuple else None
    if array is not None:
        return array
    try:
        array = np.asarray(actions)
        return exact(actions, array) if isinstance(actions, (list, tuple)) else array
    except Exception as error:
        raise ValueError(f"actions must be an array or convertible to one: {error}{_REMEDY}") from error


cdef object _integers(object items):
    """The array that NumPy makes of a list or tuple of integers, in a tenth of the time; None for other items."""
    cdef PyObject** memory = PySequence_Fast_ITEMS(items)
    cdef cnp.npy_intp k, count = PySequence_Fast_GET_SIZE(items)
    cdef cnp.ndarray array
    cdef int64_t* numbers
    cdef int overflow = 0
    if count == 0:
        return None
    array = cnp.PyArray_EMPTY(1, &count, cnp.NPY_INT64, False)
    numbers = <int64_t*>cnp.PyArray_DATA(array)
    for k in range(count):
        if PyLong_CheckExact(memory[k]):
            numbers[k] = PyLong_AsLongLongAndOverflow(memory[k], &overflow)
            if overflow:
                return None
        elif <PyObject*>Py_TYPE(memory[k]) == _INT64:
            numbers[k] = (<PyInt64ScalarObject*>memory[k]).obval
        else:
            return None
    return array


cdef class ActionReader:
    """ActionReader(space, check=True, native=True, copy_space=None)
--

Reads batches of actions of `space` into an action buffer.

Discrete and MultiDiscrete take any integer dtype, and every value must lie in the space. A Box takes any float or
integer dtype. Bools will do where the bounds are 0 and 1. The rows of a Box hold the very numbers that were given,
but for the precision of floats: rows of floats take finite values, rows of integers whole numbers that fit their dtype,
rows of bools 0 and 1. Values outside the bounds of a Box are the environment's to clip. With `check=False` the values
are not compared with the space, and those of native environments not looked at at all; shape and dtype still are.

A native environment has rows of int32 for Discrete and MultiDiscrete and of float32 for a float32 Box, and no other
spaces: TypeError. With `native=False` the rows have the space's own dtype, and a Box any. `copy_space`, with
`native=False`, is a MultiDiscrete with the actions of the rows of one copy, where these have ranges of their own.
"""

    def __init__(self, space, bint check=True, bint native=True, copy_space=None):
        if not isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.Box)):
            raise TypeError(f"actions must be Discrete, MultiDiscrete or Box, got {space}")
        self.space = space
        self.copy_space = copy_space
        self.check = check
        self.native = native
        self.shape = tuple(space.shape)
        self.columns = int(np.prod(self.shape, dtype=np.int64))
        if isinstance(space, spaces.Discrete):
            low, count = np.array([int(space.start)]), np.array([int(space.n)])
        elif isinstance(space, spaces.MultiDiscrete):
            low, count = space.start.ravel(), space.nvec.ravel()
        elif isinstance(space, spaces.Box) and (space.dtype == np.float32 or not native):
            low = count = np.zeros(0, np.int64)
        else:
            raise TypeError(f"native environments have Discrete, MultiDiscrete or float32 Box actions, got {space}")
        self.discrete = not isinstance(space, spaces.Box)
        self.dtype = space.dtype
        fits = not self.discrete or not (np.any(low < -2**31) or np.any(low + count > 2**31))
        if native:
            self.dtype = np.dtype(np.int32 if self.discrete else np.float32)
            if not fits:
                raise TypeError(f"actions must fit 32 bits, got {space}")
        known = (np.int32, np.int64) if self.discrete else (np.float32, np.float64)
        self.fast = fits and copy_space is None and self.dtype in known
        if self.fast:
            self.low = low.astype(np.int32)
            self.count = count.astype(np.uint32)

    def read(self, actions, target not None):
        """Check `actions` and copy them to `target`, an array of (rows, *shape) and this reader's dtype.

        Raises TypeError for a wrong dtype and ValueError for a wrong shape or value, naming the row and the value.
        `target` may then hold some of the rejected values.
        """
        if not isinstance(target, np.ndarray) or target.dtype != self.dtype or not target.flags.carray:
            raise TypeError(f"target must be a writable C-contiguous {self.dtype} array")
        if target.shape[1:] != self.shape or target.ndim == 0:
            raise ValueError(f"target must have shape (rows, {', '.join(map(str, self.shape))}), got {target.shape}")
        self.take(as_array(actions), target)

    cdef int take(self, cnp.ndarray actions, cnp.ndarray target) except -1:
        cdef bint good
        if self.fast and self.fits(actions, target):
            if self.take_array(actions, target, &good):
                if good:
                    return 0
                if self.check:
                    raise _bad_value(actions, self.space)
        return self.take_slowly(actions, target)

    cdef bint fits(self, cnp.ndarray actions, cnp.ndarray target) noexcept:
        """Whether `actions` has the shape of `target` and plain memory."""
        cdef int axis, dimensions = cnp.PyArray_NDIM(target)
        if cnp.PyArray_NDIM(actions) != dimensions or not cnp.PyArray_ISCARRAY_RO(actions):
            return False
        for axis in range(dimensions):
            if cnp.PyArray_DIM(actions, axis) != cnp.PyArray_DIM(target, axis):
                return False
        return True

    cdef bint take_array(self, cnp.ndarray actions, cnp.ndarray target, bint* good) noexcept:
        """Copy an array that fits. Returns whether its dtype is one of the fast ones; *good tells of its values."""
        cdef void* source = cnp.PyArray_DATA(actions)
        cdef void* goal = cnp.PyArray_DATA(target)
        cdef int kind = cnp.PyArray_TYPE(actions)
        cdef bint wide = cnp.PyArray_ITEMSIZE(target) == 8
        cdef Py_ssize_t rows = cnp.PyArray_DIM(target, 0)
        cdef Py_ssize_t size = rows * self.columns
        good[0] = True
        if size == 0:
            return True
        if not self.check and kind == cnp.PyArray_TYPE(target):
            memcpy(goal, source, cnp.PyArray_NBYTES(target))
        elif self.discrete and kind == cnp.NPY_INT32:
            if wide:
                good[0] = take_int32_wide(rows, self.columns, <int32_t*>source, <int64_t*>goal, &self.low[0],
                                          &self.count[0])
            else:
                good[0] = take_int32(rows, self.columns, <int32_t*>source, <int32_t*>goal, &self.low[0],
                                     &self.count[0])
        elif self.discrete and kind == cnp.NPY_INT64:
            if wide:
                good[0] = take_int64_wide(rows, self.columns, <int64_t*>source, <int64_t*>goal, &self.low[0],
                                          &self.count[0])
            else:
                good[0] = take_int64(rows, self.columns, <int64_t*>source, <int32_t*>goal, &self.low[0],
                                     &self.count[0])
        elif not self.discrete and kind == cnp.NPY_FLOAT32:
            good[0] = (take_float32_wide(size, <float*>source, <double*>goal) if wide
                       else take_float32(size, <float*>source, <float*>goal))
        elif not self.discrete and kind == cnp.NPY_FLOAT64:
            good[0] = (take_float64_wide(size, <double*>source, <double*>goal) if wide
                       else take_float64(size, <double*>source, <float*>goal))
        else:
            return False
        good[0] |= self.native and not self.check
        return True

    cdef int take_slowly(self, cnp.ndarray actions, cnp.ndarray target) except -1:
        """Anything that is no plain array of a fast dtype: converted, or refused with the reason."""
        cdef bint good
        cdef object array = actions
        shape = (<object>target).shape
        if not (array.dtype.kind in ("iu" if self.discrete else "iuf")
                or array.dtype.kind == "b" and _takes_bools(self.space)):
            raise TypeError(
                f"actions must be {'integers' if self.discrete else 'numbers'} for {self.space}, got dtype "
                f"{array.dtype}{_REMEDY if array.dtype == object else ''}"
            )
        if array.shape != shape:
            remedy = _REMEDY if array.ndim > len(shape) else ""
            raise ValueError(f"actions must have shape {shape}, got {array.shape}{remedy}")
        if not self.native:
            self.cast(array, target)
            return 0
        if self.discrete and array.dtype == np.uint64 and np.any(array > np.uint64(2**31)):
            raise _bad_value(array, self.space)
        plain = np.ascontiguousarray(array, np.int64 if self.discrete else np.float64)
        self.take_array(plain, target, &good)
        if not good:
            raise _bad_value(plain, self.space)
        return 0

    def cast(self, cnp.ndarray array not None, cnp.ndarray target not None):
        """Check an array of the right kind and shape, and store it in rows of any dtype."""
        cdef Py_ssize_t misfit
        cdef cnp.ndarray rows = target
        if self.check and (self.discrete or self.dtype.kind == "f") and not _are_good(array, self.space).all():
            raise _bad_value(array, self.space)
        if self.check and self.copy_space is not None:
            by_copy = (<object>array).reshape(-1, *self.copy_space.shape)
            if not _are_good(by_copy, self.copy_space).all():
                raise _bad_value_of_agent(by_copy, self.copy_space)
        if (<object>array).dtype == self.dtype:
            np.copyto(target, array)
            return
        if not cnp.PyArray_ISCARRAY(target):
            rows = np.empty((<object>target).shape, self.dtype.newbyteorder("="))
        misfit = cast_array(array, code_of(self.dtype), cnp.PyArray_BYTES(rows))
        if misfit >= 0:
            raise _error_at(array, np.unravel_index(misfit, (<object>array).shape), self.space)
        if rows is not target:
            np.copyto(target, rows)


def _bounds(space):
    """The least and the greatest good value."""
    if isinstance(space, spaces.Discrete):
        return int(space.start), int(space.start) + int(space.n) - 1
    if isinstance(space, spaces.MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    limit = np.finfo(space.dtype if space.dtype.kind == "f" else np.float64).max
    return -limit, limit


def _takes_bools(space):
    """Whether every action is made of zeros and ones, or of numbers between them."""
    low, high = (space.low, space.high) if isinstance(space, spaces.Box) else _bounds(space)
    return bool(np.all(low == 0) and np.all(high == 1))


def _are_good(array, space):
    low, high = _bounds(space)
    with np.errstate(invalid="ignore"):
        return (array >= low) & (array <= high)


def _bad_value(array, space):
    """The ValueError for the first bad value of `array`."""
    return _error_at(array, np.argwhere(~_are_good(array, space))[0], space)


def _error_at(array, index, space):
    """The ValueError for the value of `array` at an index."""
    place = tuple([int(axis) for axis in index])
    where = f"actions[{', '.join(map(str, place))}] is {array[place]}: row {place[0]}"
    if isinstance(space, spaces.Box):
        return ValueError(f"{where} needs {_numbers(space.dtype)} for {space}")
    low, high = _bounds(space)
    if isinstance(space, spaces.MultiDiscrete):
        low, high = low[place[1:]], high[place[1:]]
    return ValueError(f"{where} takes {low} to {high} for {space}")


def _numbers(dtype):
    """What a row of a dtype can hold."""
    if dtype.kind == "f":
        return f"finite {dtype} values"
    if dtype.kind == "b":
        return "bools (True, False, 0 or 1)"
    limits = np.iinfo(dtype)
    return f"whole numbers from {limits.min} to {limits.max}, the {dtype} ones,"


def _bad_value_of_agent(array, copy_space):
    """The ValueError for the first bad value of `array`, (copies, agents, ...)."""
    place = tuple([int(index) for index in np.argwhere(~_are_good(array, copy_space))[0]])
    row = place[0] * array.shape[1] + place[1]
    low, high = (bound[place[1:]] for bound in _bounds(copy_space))
    return ValueError(
        f"actions[{', '.join(map(str, (row, *place[2:])))}] is {array[place]}: row {row} takes {low} to {high}; its "
        f"agent has fewer actions than others"
    )
