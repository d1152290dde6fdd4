"""Checked casts between element types. Header only, no module.

Whatever comes in is read as one of three wide types, and stored as the type of its leaf if that can hold it. A float
may lose precision on its way into a narrower float, as it does in NumPy; nothing else may change.
"""
cimport cython
from libc.math cimport isinf, ldexp
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #if PY_VERSION_HEX < 0x030B0000
    #define PyFloat_Pack2(x, p, little_endian) _PyFloat_Pack2(x, (unsigned char *)(p), little_endian)
    #endif
    """
    int PY_LITTLE_ENDIAN
    int PyFloat_Pack2(double x, char* p, int little_endian) except -1

# How an element is stored; integers come before floats.
cdef enum:
    BOOL
    INT8
    INT16
    INT32
    INT64
    UINT8
    UINT16
    UINT32
    UINT64
    FLOAT16
    FLOAT32
    FLOAT64
    LONGDOUBLE

ctypedef fused wide_t:
    int64_t
    uint64_t
    double

ctypedef fused number_t:
    int8_t
    int16_t
    int32_t
    int64_t
    uint8_t
    uint16_t
    uint32_t
    uint64_t
    float
    double
    cython.longdouble


cdef inline bint _convert(wide_t value, number_t* out) noexcept nogil:
    """Store `value` as `out`; False if `out` cannot hold it."""
    cdef double limit
    if number_t is float or number_t is double or number_t is cython.longdouble:
        out[0] = <number_t>value
        if wide_t is double:
            return not isinf(out[0]) or isinf(value)
        else:
            return True
    else:
        if wide_t is double:
            # Casting a float that is out of range is undefined in C, so the range comes first; NaN fails it too.
            limit = ldexp(1.0, 8 * sizeof(number_t) - (<number_t>-1 < 0))
            if not (value < limit and value >= (-limit if <number_t>-1 < 0 else 0.0)):
                out[0] = 0
                return False
            out[0] = <number_t>value
            return <double>out[0] == value
        else:
            out[0] = <number_t>value
            return <wide_t>out[0] == value and (out[0] < 0) == (value < 0)


cdef inline Py_ssize_t _fill(const wide_t* source, number_t* target, Py_ssize_t n) noexcept nogil:
    cdef number_t element
    cdef bint fits = True
    cdef Py_ssize_t i
    for i in range(n):
        fits &= _convert(source[i], &element)
        memcpy(target + i, &element, sizeof(number_t))  # a row may lie at any address
    if fits:
        return -1
    for i in range(n):
        if not _convert(source[i], &element):
            return i
    return -1


cdef inline Py_ssize_t _fill_bool(const wide_t* source, uint8_t* target, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if source[i] != 0 and source[i] != 1:
            return i
        target[i] = source[i] != 0
    return -1


cdef inline Py_ssize_t _fill_float16(const wide_t* source, char* target, Py_ssize_t n) noexcept:
    cdef Py_ssize_t i
    for i in range(n):
        try:
            PyFloat_Pack2(<double>source[i], target + 2 * i, PY_LITTLE_ENDIAN)
        except OverflowError:
            return i
    return -1


cdef inline Py_ssize_t cast_elements(const wide_t* source, int code, char* target, Py_ssize_t n) noexcept:
    """Store `n` elements as the type `code`; the index of the first that does not fit, or -1."""
    if code == FLOAT32:
        return _fill(source, <float*>target, n)
    if code == FLOAT64:
        return _fill(source, <double*>target, n)
    if code == INT64:
        return _fill(source, <int64_t*>target, n)
    if code == INT32:
        return _fill(source, <int32_t*>target, n)
    if code == UINT8:
        return _fill(source, <uint8_t*>target, n)
    if code == INT8:
        return _fill(source, <int8_t*>target, n)
    if code == INT16:
        return _fill(source, <int16_t*>target, n)
    if code == UINT16:
        return _fill(source, <uint16_t*>target, n)
    if code == UINT32:
        return _fill(source, <uint32_t*>target, n)
    if code == UINT64:
        return _fill(source, <uint64_t*>target, n)
    if code == BOOL:
        return _fill_bool(source, <uint8_t*>target, n)
    if code == FLOAT16:
        return _fill_float16(source, target, n)
    return _fill(source, <cython.longdouble*>target, n)
