"""Nested values to flat rows and back: the nodes that copy, and the plan that walks them.

A space becomes a tree of nodes, which `puffer.layout.nodes` builds once. Writing a row walks along the tree and the
value together, and each leaf checks the part that it copies. A node below a Sequence or a Graph stands for many values:
its leaves hold an array of them, and the argument `index` of each method picks one. Everywhere else the index is 0.
"""
cimport numpy as cnp
from cpython.dict cimport PyDict_Check, PyDict_GetItemWithError, PyDict_Size
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_Check
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from puffer.layout.casts cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, LONGDOUBLE, UINT8, UINT16, UINT32, UINT64,
    cast_elements,
)

import math
import reprlib
from collections.abc import Mapping

import numpy as np

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void* source, cnp.dtype dtype, object base)

cnp.import_array()

cdef object _INT64 = np.int64
cdef int _BRIEF = 200
# From here on float64 lacks integers.
cdef double _EXACT = 2.0**53
cdef dict _CODES = {
    "b1": BOOL, "i1": INT8, "i2": INT16, "i4": INT32, "i8": INT64, "u1": UINT8, "u2": UINT16, "u4": UINT32,
    "u8": UINT64, "f2": FLOAT16, "f4": FLOAT32, "f8": FLOAT64,
}


class LayoutError(ValueError):
    """A value does not fit its space, or memory its layout; the message names the path, and says which values fit."""

    __module__ = "puffer.spaces"


cdef str brief(object value):
    with np.printoptions(threshold=8, edgeitems=2):
        text = " ".join((repr(value) if isinstance(value, np.ndarray) else reprlib.repr(value)).split())
    return text if len(text) <= _BRIEF else text[:_BRIEF] + "..."


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


cdef class Node:
    """Node(path)\n--\n\nA space in the tree. Messages call it by its `path`."""

    def __cinit__(self, str path not None, *args, **kwargs):
        self.path = path

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1:
        """Check `value` and copy it into the row."""
        raise LayoutError(f"{self.path}: nothing is laid out here")

    cdef object read(self, char* row, Py_ssize_t index):
        """A fresh value of the space, from the row."""
        raise LayoutError(f"{self.path}: nothing is laid out here")

    cdef int clear(self, char* row, Py_ssize_t index) except -1:
        """Zero the row's part."""
        return 0

    def tree(self, pick):
        """The nested dicts and tuples of the space, with `pick(leaf)` for each leaf."""
        raise NotImplementedError


cdef class LeafNode(Node):
    """LeafNode(path, dtype, shape, offset, lead=(), scalar=False)\n--\n

    An array of `dtype` and `shape` that starts `offset` bytes into the row; below a Sequence or Graph one such array
    for each index of the shape `lead`. `scalar` leaves are read back as NumPy scalars, others as arrays.
    """

    def __cinit__(
        self, str path not None, dtype, tuple shape not None, Py_ssize_t offset,
        tuple lead=(), bint scalar=False, *args,
    ):
        self.dtype = np.dtype(dtype)
        self.shape = shape
        self.offset = offset
        self.lead = lead
        self.scalar = scalar and not shape
        self.size = math.prod(shape)
        self.nbytes = self.size * self.dtype.itemsize
        self.code = code_of(self.dtype)
        self.type_num = self.dtype.num
        self.ndim = len(shape)
        if self.ndim > 64 or offset < 0 or not self.dtype.isnative:
            raise ValueError(f"{path}: no leaf of dtype {dtype} and {self.ndim} dimensions at byte {offset}")
        for i, length in enumerate(shape):
            self.dims[i] = length

    @property
    def full_shape(self):
        """The shape of all that the row holds for this leaf."""
        return self.lead + self.shape

    @property
    def end(self):
        """The byte of the row just behind the leaf."""
        return self.offset + self.nbytes * math.prod(self.lead)

    def tree(self, pick):
        return pick(self)

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1:
        cdef char* target = row + self.offset + index * self.nbytes
        if cnp.PyArray_Check(value):
            if (
                cnp.PyArray_TYPE(value) == self.type_num
                and cnp.PyArray_ISCARRAY_RO(value)
                and self._has_shape(<cnp.ndarray>value)
            ):
                memmove(target, cnp.PyArray_BYTES(value), self.nbytes)
                return 0
        elif self.ndim == 0 and self._write_number(value, target):
            return 0
        self._write_array(value, target)
        return 0

    cdef object read(self, char* row, Py_ssize_t index):
        cdef char* source = row + self.offset + index * self.nbytes
        if self.scalar:
            return PyArray_Scalar(source, self.dtype, None)
        cdef cnp.ndarray out = cnp.PyArray_EMPTY(self.ndim, self.dims, self.type_num, 0)
        memcpy(cnp.PyArray_BYTES(out), source, self.nbytes)
        return out

    cdef int clear(self, char* row, Py_ssize_t index) except -1:
        memset(row + self.offset + index * self.nbytes, 0, self.nbytes)
        return 0

    cdef int32_t integer(self, char* row, Py_ssize_t index) noexcept:
        """The element of an int32 leaf without dimensions: a length or an index."""
        cdef int32_t number
        memcpy(&number, row + self.offset + index * self.nbytes, sizeof(int32_t))
        return number

    cdef bint _has_shape(self, cnp.ndarray array) noexcept:
        cdef int i
        if cnp.PyArray_NDIM(array) != self.ndim:
            return False
        for i in range(self.ndim):
            if cnp.PyArray_DIM(array, i) != self.dims[i]:
                return False
        return True

    cdef bint _write_number(self, object value, char* target) except -1:
        """Copy a Python number or np.int64; False if `value` is neither."""
        cdef int overflow = 0
        cdef int64_t integer
        cdef double real
        cdef Py_ssize_t misfit
        if type(value) is _INT64:
            cnp.PyArray_ScalarAsCtype(value, &integer)
            misfit = cast_elements(&integer, self.code, target, 1)
        elif PyLong_Check(value):
            integer = PyLong_AsLongLongAndOverflow(value, &overflow)
            if overflow:
                return False
            misfit = cast_elements(&integer, self.code, target, 1)
        elif PyFloat_Check(value):
            real = PyFloat_AS_DOUBLE(value)
            misfit = cast_elements(&real, self.code, target, 1)
        else:
            return False
        if misfit >= 0:
            raise self.misfit(value)
        return True

    cdef int _write_array(self, object value, char* target) except -1:
        """Convert anything NumPy can read, element by element and checked."""
        cdef cnp.ndarray array, wide
        cdef int flags = cnp.NPY_ARRAY_CARRAY_RO | cnp.NPY_ARRAY_NOTSWAPPED
        cdef Py_ssize_t misfit
        try:
            array = cnp.PyArray_FROM_O(value)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise self.misfit(value) from error
        if (self.code == INT64 or self.code == UINT64) and isinstance(value, (list, tuple)):
            array = exact(value, array)
        cdef object dtype = (<object>array).dtype
        if dtype.kind not in "biuf":
            raise self.misfit(value)
        if not self._has_shape(array):
            raise LayoutError(
                f"{self.path}: expected shape {self.shape}, got shape {(<object>array).shape} from {brief(value)}"
            )
        if cnp.PyArray_TYPE(array) == self.type_num:
            wide = cnp.PyArray_FROM_OTF(array, self.type_num, flags)
            memmove(target, cnp.PyArray_BYTES(wide), self.nbytes)
            return 0
        misfit = cast_array(array, self.code, target)
        if misfit >= 0:
            raise self.misfit(array.flat[misfit], np.unravel_index(misfit, self.shape) if self.shape else None)
        return 0

    cdef object misfit(self, object value, object index=None):
        """The error for a value that the leaf cannot hold."""
        if self.code == BOOL:
            expected = "bool values (True, False, 0 or 1)"
        elif self.code < FLOAT16:
            limits = np.iinfo(self.dtype)
            expected = f"{self.dtype} integers from {limits.min} to {limits.max}"
        else:
            expected = f"{self.dtype} numbers up to {np.finfo(self.dtype).max}"
        where = "" if index is None else f" at {tuple(int(i) for i in index)}"
        kind = "" if isinstance(value, (int, float, np.number)) else f" of type {type(value).__name__}"
        return LayoutError(f"{self.path}: expected {expected}, got {brief(value)}{kind}{where}")


cdef class DictNode(Node):
    """DictNode(path, keys, children)\n--\n\nA Dict space: one child per key, in the space's own order."""

    cdef tuple keys
    cdef tuple children

    def __cinit__(self, str path not None, tuple keys not None, tuple children not None):
        self.keys = keys
        self.children = as_nodes(children, len(keys))

    def tree(self, pick):
        return {key: (<Node>child).tree(pick) for key, child in zip(self.keys, self.children)}

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1:
        cdef Py_ssize_t i
        cdef PyObject* item
        if not PyDict_Check(value):
            if not isinstance(value, Mapping):
                raise LayoutError(f"{self.path}: expected a dict, got {brief(value)} of type {type(value).__name__}")
            value = dict(value)
        if PyDict_Size(value) != len(self.keys):
            raise self._wrong_keys(value)
        for i in range(len(self.keys)):
            item = PyDict_GetItemWithError(value, self.keys[i])
            if item == NULL:
                raise self._wrong_keys(value)
            (<Node>self.children[i]).write(<object>item, row, index)
        return 0

    cdef object read(self, char* row, Py_ssize_t index):
        cdef dict out = {}
        cdef Py_ssize_t i
        for i in range(len(self.keys)):
            out[self.keys[i]] = (<Node>self.children[i]).read(row, index)
        return out

    cdef int clear(self, char* row, Py_ssize_t index) except -1:
        for child in self.children:
            (<Node>child).clear(row, index)
        return 0

    cdef object _wrong_keys(self, dict value):
        missing = [key for key in self.keys if key not in value]
        extra = [key for key in value if key not in self.keys]
        problems = [f"missing {brief(missing)}"] * bool(missing) + [f"unexpected {brief(extra)}"] * bool(extra)
        return LayoutError(f"{self.path}: expected the keys {brief(list(self.keys))}, {', '.join(problems)}")


cdef class TupleNode(Node):
    """TupleNode(path, children)\n--\n\nA Tuple space; a list or an array of the right length will do as a value."""

    cdef tuple children

    def __cinit__(self, str path not None, tuple children not None):
        self.children = as_nodes(children, len(children))

    def tree(self, pick):
        return tuple([(<Node>child).tree(pick) for child in self.children])

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1:
        cdef tuple items = as_tuple(self, value)
        cdef Py_ssize_t i
        if len(items) != len(self.children):
            raise LayoutError(
                f"{self.path}: expected a tuple of {len(self.children)}, got {len(items)} items: {brief(value)}"
            )
        for i in range(len(items)):
            (<Node>self.children[i]).write(items[i], row, index)
        return 0

    cdef object read(self, char* row, Py_ssize_t index):
        return tuple([(<Node>child).read(row, index) for child in self.children])

    cdef int clear(self, char* row, Py_ssize_t index) except -1:
        for child in self.children:
            (<Node>child).clear(row, index)
        return 0


cdef tuple as_nodes(tuple children, Py_ssize_t expected):
    if len(children) != expected or not all(isinstance(child, Node) for child in children):
        raise TypeError(f"expected {expected} nodes, got {children!r}")
    return children


cdef tuple as_tuple(Node node, object value):
    if PyTuple_Check(value):
        return tuple(value)
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim):
        return tuple(value)
    raise LayoutError(f"{node.path}: expected a tuple, got {brief(value)} of type {type(value).__name__}")


cdef class RowPlan:
    """RowPlan(root, dtype, flat_dtype)\n--\n

    Copies values into rows of the structured type `dtype`, and reads them back. A row is C-contiguous memory of
    `row_size` bytes: an array of `dtype`, of `flat_dtype` or of uint8, or any object with a buffer of bytes.
    """

    def __cinit__(self, *args, **kwargs):
        self._root = Node("layout")
        self._gaps = ()

    def __init__(self, Node root not None, dtype, flat_dtype):
        cdef list leaves = []
        root.tree(leaves.append)
        dtype = np.dtype(dtype)
        start, gaps = 0, []
        for leaf in leaves:
            gaps.append((start, leaf.offset - start))
            start = leaf.end
        gaps.append((start, dtype.itemsize - start))
        if any(size < 0 for _, size in gaps):
            raise ValueError(f"the leaves overlap, or do not fit in {dtype.itemsize} bytes")
        self.dtype, self.row_size, self._root = dtype, dtype.itemsize, root
        self._flat_type = np.dtype(flat_dtype).num
        self._gaps = tuple([gap for gap in gaps if gap[1]])

    def flatten(self, value, row):
        """Check a value and copy it into a row.

        Parameters
        ----------
        value
            An element of the space. Numbers, arrays and containers of other types are converted if that loses nothing
            but the precision of floats.
        row : array or buffer
            Writable C-contiguous memory of `row_size` bytes: an array of uint8, of `flat_space.dtype` or of `dtype`,
            or an object with a buffer of bytes.

        Raises
        ------
        LayoutError
            If `value` does not fit the space, and the row may then hold a part of it; or if `row` is not such memory.
        TypeError
            If `row` is neither an array nor a buffer.
        """
        cdef cnp.ndarray memory = self._memory(row, self.row_size)
        self._write(value, memory, 0)

    def flatten_into(self, value, batch, Py_ssize_t i):
        """Do ``flatten(value, batch[i])`` without making an array for the row.

        Parameters
        ----------
        value
            An element of the space.
        batch : ndarray
            C-contiguous rows, of shape (n, ...).
        i : int
            Index of the row.

        Raises
        ------
        IndexError
            Unless 0 <= i < n.
        LayoutError, TypeError
            As in `flatten`.
        """
        if not cnp.PyArray_Check(batch) or cnp.PyArray_NDIM(batch) == 0:
            raise TypeError(f"batch: expected an array of rows, got {type(batch).__name__}")
        cdef Py_ssize_t rows = cnp.PyArray_DIM(batch, 0)
        if not 0 <= i < rows:
            raise IndexError(f"row {i} of a batch of {rows} rows")
        cdef cnp.ndarray memory = self._memory(batch, rows * self.row_size)
        self._write(value, memory, i * self.row_size)

    def value(self, row):
        """The element of the space that a row holds.

        Parameters
        ----------
        row : array or buffer
            As in `flatten`, but it may be read-only.

        Returns
        -------
        object
            A value that the space contains, and that shares no memory with the row.

        Raises
        ------
        LayoutError
            If a length or an index in the row is out of range, or `row` is not such memory.
        """
        cdef cnp.ndarray memory = self._memory(row, self.row_size)
        return self._root.read(cnp.PyArray_BYTES(memory), 0)

    def tree(self, pick):
        """The nested dicts and tuples of the space, with `pick(leaf)` for each leaf."""
        return self._root.tree(pick)

    cdef cnp.ndarray _memory(self, object rows, Py_ssize_t nbytes):
        """The array whose C-contiguous memory the rows are."""
        cdef cnp.ndarray array
        if cnp.PyArray_Check(rows):
            array = rows
        else:
            try:
                array = np.frombuffer(rows, np.uint8)
            except (TypeError, ValueError, BufferError) as error:
                raise TypeError(f"row: expected an array or a buffer, got {type(rows).__name__}") from error
        cdef int kind = cnp.PyArray_TYPE(array)
        if (
            cnp.PyArray_NBYTES(array) == nbytes
            and cnp.PyArray_IS_C_CONTIGUOUS(array)
            and (kind == cnp.NPY_UINT8 or kind == self._flat_type or (<object>array).dtype == self.dtype)
            and cnp.PyArray_ISNOTSWAPPED(array)
        ):
            return array
        raise LayoutError(
            f"row: expected {nbytes} bytes of C-contiguous memory of dtype uint8 or the layout's own, "
            f"got {cnp.PyArray_NBYTES(array)} bytes, dtype {array.dtype}, strides {(<object>array).strides}"
        )

    cdef int _write(self, object value, cnp.ndarray memory, Py_ssize_t start) except -1:
        if not cnp.PyArray_ISWRITEABLE(memory):
            raise LayoutError("row: expected writable memory, got a read-only buffer")
        return self.write_row(value, cnp.PyArray_BYTES(memory) + start)

    cdef int write_row(self, object value, char* row) except -1:
        """`flatten` into memory that is known to be a row."""
        self._root.write(value, row, 0)
        # Padding is part of a row of bytes, so that equal values make equal rows.
        for offset, size in self._gaps:
            memset(row + <Py_ssize_t>offset, 0, <Py_ssize_t>size)
        return 0
