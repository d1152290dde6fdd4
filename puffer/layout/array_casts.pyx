"""Arrays of numbers into memory of one element type, with a check that it can hold them; see `casts.pxd`."""
cimport numpy as cnp
from libc.stdint cimport int64_t, uint64_t

from puffer.layout.casts cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, LONGDOUBLE, UINT8, UINT16, UINT32, UINT64,
    cast_elements,
)

import numpy as np

cnp.import_array()

# From here on float64 lacks integers.
cdef double _EXACT = 2.0**53
cdef dict _CODES = {
    "b1": BOOL, "i1": INT8, "i2": INT16, "i4": INT32, "i8": INT64, "u1": UINT8, "u2": UINT16, "u4": UINT32,
    "u8": UINT64, "f2": FLOAT16, "f4": FLOAT32, "f8": FLOAT64,
}


cdef int code_of(object dtype) except -1:
    return LONGDOUBLE if dtype.char == "g" else _CODES[dtype.str[1:]]


cdef object exact(object values, object array):
    """The array of a list or tuple of whole numbers, of integers if NumPy has rounded some of them to float64."""
    # NumPy takes integers for floats where a float stands beside them, or where neither int64 nor uint64 is for all.
    if array.dtype != np.float64 or not array.size or not np.abs(array).max() >= _EXACT:
        return array
    for dtype in (np.int64, np.uint64):
        try:
            with np.errstate(all="ignore"):
                integers = np.array(values, dtype)
        except (TypeError, ValueError, OverflowError):
            continue
        if (integers == array).all():
            return integers
    return array


cdef Py_ssize_t cast_array(cnp.ndarray array, int code, char* target) except -2:
    """Store the elements of an array of bools, integers or floats as the type `code`; see `cast_elements`."""
    cdef int flags = cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_NOTSWAPPED
    cdef object dtype = (<object>array).dtype
    cdef Py_ssize_t n = cnp.PyArray_SIZE(array)
    cdef cnp.ndarray wide
    if dtype.char == "g":
        return _cast_longdoubles(array, code, target)
    if dtype.kind == "f":
        wide = cnp.PyArray_FROM_OTF(array, cnp.NPY_DOUBLE, flags)
        return cast_elements(<double*>cnp.PyArray_BYTES(wide), code, target, n)
    if dtype.kind == "u" and dtype.itemsize == 8:
        wide = cnp.PyArray_FROM_OTF(array, cnp.NPY_UINT64, flags)
        return cast_elements(<uint64_t*>cnp.PyArray_BYTES(wide), code, target, n)
    wide = cnp.PyArray_FROM_OTF(array, cnp.NPY_INT64, flags)
    return cast_elements(<int64_t*>cnp.PyArray_BYTES(wide), code, target, n)


cdef Py_ssize_t _cast_longdoubles(object array, int code, char* target) except -2:
    """`cast_array` by way of float64, which may round a float, and nothing else."""
    with np.errstate(over="ignore", under="ignore"):
        doubles = array.astype(np.float64)
    cdef Py_ssize_t misfit = cast_array(doubles, code, target)
    lost = (doubles != array) & (array == array) if code < FLOAT16 else np.isinf(doubles) & ~np.isinf(array)
    if lost.any():
        return lost.argmax() if misfit < 0 else min(misfit, lost.argmax())
    return misfit
