"""Whole rows: the memory that values are written into and read from, by a walk along the nodes of their space."""
cimport numpy as cnp
from libc.string cimport memset

from puffer.layout.rows cimport Node

import numpy as np

from puffer.layout.rows import LayoutError

cnp.import_array()


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
