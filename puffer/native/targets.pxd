"""The arrays of a rollout as memory that steps are written into. Header only."""
cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

# An array of the rollout: the item of row r in step t lies at start + t * step + r * row.
cdef struct target_t:
    char* start
    Py_ssize_t step
    Py_ssize_t row
    Py_ssize_t size


cdef inline int aim(target_t* target, cnp.ndarray array, int time) except -1:
    """Describe an array whose axis `time`, 0 or 1, counts steps; the other one counts rows."""
    target.start = <char*>cnp.PyArray_DATA(array)
    target.step = cnp.PyArray_STRIDE(array, time)
    target.row = cnp.PyArray_STRIDE(array, 1 - time)
    target.size = min(target.step, target.row)
    if cnp.PyArray_DIM(array, 0) == 1 or cnp.PyArray_DIM(array, 1) == 1:
        target.size = cnp.PyArray_NBYTES(array) // (cnp.PyArray_DIM(array, 0) * cnp.PyArray_DIM(array, 1))
    return 0


cdef inline int write_rows(const target_t* target, Py_ssize_t step, Py_ssize_t first, Py_ssize_t last,
                           cnp.ndarray source) except -1:
    write(target, step, first, last, <const char*>cnp.PyArray_DATA(source) + first * target.size)
    return 0


cdef inline void write(const target_t* target, Py_ssize_t step, Py_ssize_t first, Py_ssize_t last,
                       const char* source) noexcept nogil:
    """Write the items of the rows first to last - 1, which lie one after the other, to their places in a step."""
    cdef char* to = target.start + step * target.step + first * target.row
    cdef Py_ssize_t count = last - first, stride = target.row, size = target.size
    if stride == size:
        memcpy(to, source, count * size)
    # Sizes that the compiler knows: a call for each row takes longer than to copy it.
    elif size == 1:
        _scatter(to, stride, source, count, 1)
    elif size == 4:
        _scatter(to, stride, source, count, 4)
    elif size == 8:
        _scatter(to, stride, source, count, 8)
    elif size == 16:
        _scatter(to, stride, source, count, 16)
    elif size == 32:
        _scatter(to, stride, source, count, 32)
    else:
        _scatter(to, stride, source, count, size)


cdef inline void _scatter(char* to, Py_ssize_t stride, const char* source, Py_ssize_t count,
                          Py_ssize_t size) noexcept nogil:
    """Copy items of a size from where they lie one after the other to places that are a stride apart."""
    cdef Py_ssize_t k
    for k in range(count):
        memcpy(to + k * stride, source + k * size, size)


cdef inline void widen(const target_t* target, Py_ssize_t step, Py_ssize_t first, cnp.ndarray actions) noexcept:
    """Write int32 actions as int64."""
    cdef Py_ssize_t rows = cnp.PyArray_DIM(actions, 0), columns = target.size // <Py_ssize_t>sizeof(int64_t), row, k
    cdef const int32_t* source = <const int32_t*>cnp.PyArray_DATA(actions)
    cdef int64_t* to
    for row in range(rows):
        to = <int64_t*>(target.start + step * target.step + (first + row) * target.row)
        for k in range(columns):
            to[k] = source[row * columns + k]
