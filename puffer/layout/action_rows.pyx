"""Nested actions to flat action rows and back.

A row of actions has one element type, so that a policy can write it. The leaves below work on a wide copy of the row,
of int64 or float64, and give each part of an action the type of its own space.
"""
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport floor
from libc.stdint cimport int64_t

from puffer.layout.casts cimport cast_elements
from puffer.layout.rows cimport LeafNode, Node

import numpy as np

from puffer.layout.rows import LayoutError

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void* source, cnp.dtype dtype, object base)

cnp.import_array()

ctypedef fused wide_t:
    int64_t
    double


cdef Py_ssize_t _first_outside(const wide_t* value, const wide_t* low, const wide_t* high, Py_ssize_t n) noexcept nogil:
    """The index of the first element that is not an integer from low to high, or -1."""
    cdef Py_ssize_t i
    for i in range(n):
        if not (low[i] <= value[i] <= high[i]):
            return i
        if wide_t is double:
            if value[i] != floor(value[i]):
                return i
    return -1


cdef class ActionLeaf(LeafNode):
    """ActionLeaf(path, dtype, shape, offset, lead, scalar, value_dtype, low, high)\n--\n

    Elements of the wide type `dtype`, int64 or float64, in the row and of `value_dtype` in the action. Unless
    `value_dtype` is a float, each must be an integer from `low` to `high`. Actions hold no sequences: the index is 0.
    """

    cdef readonly cnp.dtype value_dtype
    cdef LeafNode narrow
    cdef cnp.ndarray low
    cdef cnp.ndarray high
    cdef bint is_integer
    cdef bint is_wide_integer

    def __cinit__(
        self, str path not None, dtype, tuple shape not None, Py_ssize_t offset, tuple lead, bint scalar,
        value_dtype, low, high,
    ):
        if self.dtype != np.int64 and self.dtype != np.float64:
            raise TypeError(f"{path}: expected the dtype int64 or float64, got {dtype}")
        self.value_dtype = np.dtype(value_dtype)
        self.narrow = LeafNode(path, self.value_dtype, shape, 0)
        self.is_wide_integer = self.dtype == np.int64
        self.is_integer = np.dtype(value_dtype).kind != "f"
        self.low = np.array(np.broadcast_to(low, shape), self.dtype, order="C")
        self.high = np.array(np.broadcast_to(high, shape), self.dtype, order="C")

    cdef int write(self, object value, char* row, Py_ssize_t index) except -1:
        LeafNode.write(self, value, row, index)
        return self._check(row + self.offset)

    cdef object read(self, char* row, Py_ssize_t index):
        cdef char* source = row + self.offset
        cdef cnp.ndarray out = cnp.PyArray_EMPTY(self.ndim, self.dims, self.narrow.type_num, 0)
        cdef char* target = cnp.PyArray_BYTES(out)
        cdef Py_ssize_t misfit
        self._check(source)
        if self.is_wide_integer:
            misfit = cast_elements(<int64_t*>source, self.narrow.code, target, self.size)
        else:
            misfit = cast_elements(<double*>source, self.narrow.code, target, self.size)
        if misfit >= 0:
            raise self.narrow.misfit(self._element(source, misfit), self._index(misfit))
        return PyArray_Scalar(target, self.value_dtype, None) if self.scalar else out

    cdef int _check(self, char* source) except -1:
        """Raise unless integers are integers in range; floats may be anything."""
        cdef Py_ssize_t outside
        cdef char* low = cnp.PyArray_BYTES(self.low)
        cdef char* high = cnp.PyArray_BYTES(self.high)
        if not self.is_integer:
            return 0
        if self.is_wide_integer:
            outside = _first_outside(<int64_t*>source, <int64_t*>low, <int64_t*>high, self.size)
        else:
            outside = _first_outside(<double*>source, <double*>low, <double*>high, self.size)
        if outside < 0:
            return 0
        least, most = int(self.low.flat[outside]), int(self.high.flat[outside])
        where = f" at {self._index(outside)}" if self.shape else ""
        raise LayoutError(
            f"{self.path}: expected an integer from {least} to {most}, got {self._element(source, outside)}{where}"
        )

    cdef object _element(self, char* source, Py_ssize_t i):
        return (<int64_t*>source)[i] if self.is_wide_integer else (<double*>source)[i]

    cdef object _index(self, Py_ssize_t i):
        return tuple([int(axis) for axis in np.unravel_index(i, self.shape)]) if self.shape else None


cdef class ActionPlan:
    """ActionPlan(root, wide, flat)\n--\n

    Takes rows of actions apart and puts them together. `flat` is the whole row as a leaf of the flat space's dtype and
    shape; `wide` is the same with the dtype that the leaves of the tree `root` work on.
    """

    cdef Node _root
    cdef LeafNode _wide
    cdef LeafNode _flat

    def __cinit__(self, *args, **kwargs):
        self._root = Node("action")
        self._wide = self._flat = LeafNode("action", np.int64, (), 0)

    def __init__(self, Node root not None, LeafNode wide not None, LeafNode flat not None):
        cdef list leaves = []
        root.tree(leaves.append)
        if wide.shape != flat.shape or wide.offset or flat.offset or any(leaf.end > wide.nbytes for leaf in leaves):
            raise ValueError("the leaves do not fit in the row")
        self._root, self._wide, self._flat = root, wide, flat

    def value(self, row):
        """The action that a row holds.

        Parameters
        ----------
        row : array_like
            Of the shape of `flat_space`, with numbers of any dtype that the elements of the row can hold. For a
            Discrete space an integer.

        Returns
        -------
        object
            An element of the space that shares no memory with the row; for a Discrete space a NumPy scalar of its
            dtype. Entries of Boxes are not compared with their bounds.

        Raises
        ------
        LayoutError
            If the shape is wrong, or an entry of an integer space is not an integer in its range.
        """
        cdef char* wide = <char*>PyMem_Malloc(max(self._wide.nbytes, 1))
        if wide == NULL:
            raise MemoryError
        try:
            self._wide.write(row, wide, 0)
            return self._root.read(wide, 0)
        finally:
            PyMem_Free(wide)

    def flatten(self, action):
        """The row of a nested action.

        Parameters
        ----------
        action
            An element of the space.

        Returns
        -------
        ndarray or NumPy scalar
            An element of `flat_space`; a scalar for Discrete.

        Raises
        ------
        LayoutError
            If the action does not fit the space.
        """
        cdef LeafNode leaf = self._wide
        cdef cnp.ndarray wide = cnp.PyArray_EMPTY(leaf.ndim, leaf.dims, leaf.type_num, 0)
        self._root.write(action, cnp.PyArray_BYTES(wide), 0)
        leaf = self._flat
        cdef cnp.ndarray out = cnp.PyArray_EMPTY(leaf.ndim, leaf.dims, leaf.type_num, 0)
        leaf.write(wide, cnp.PyArray_BYTES(out), 0)
        return (<object>out)[()] if leaf.scalar else out

    def tree(self, pick):
        """The nested dicts and tuples of the space, with `pick(leaf)` for each leaf."""
        return self._root.tree(pick)
