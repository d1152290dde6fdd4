"""Nested values to flat rows and back: the nodes that check and copy.

A space becomes a tree of nodes, which `puffer.layout.nodes` builds once. Writing a row walks along the tree and the
value together, and each leaf checks the part that it copies; `puffer.layout.row_plan` begins the walk. A node below a
Sequence or a Graph stands for many values: its leaves hold an array of them, and the argument `index` of each method
picks one. Everywhere else the index is 0.
"""
cimport numpy as cnp
from cpython.dict cimport PyDict_Check, PyDict_GetItemWithError, PyDict_Size
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_Check
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_Check
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memmove, memset

from puffer.layout.array_casts cimport cast_array, code_of, exact
from puffer.layout.casts cimport BOOL, FLOAT16, INT64, UINT64, cast_elements

import math
import reprlib
from collections.abc import Mapping

import numpy as np

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void* source, cnp.dtype dtype, object base)

cnp.import_array()

cdef object _INT64 = np.int64
cdef int _BRIEF = 200


class LayoutError(ValueError):
    """A value does not fit its space, or memory its layout; the message names the path, and says which values fit."""

    __module__ = "puffer.spaces"


cdef str brief(object value):
    with np.printoptions(threshold=8, edgeitems=2):
        text = " ".join((repr(value) if isinstance(value, np.ndarray) else reprlib.repr(value)).split())
    return text if len(text) <= _BRIEF else text[:_BRIEF] + "..."


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
