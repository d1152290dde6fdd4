"""The last observations of episodes as Gymnasium has them in `final_obs`: an array of objects, None in other rows.

To make and to free an array for each row that ended would cost more than the step. So these arrays are kept, and used
again when nobody refers to them any more, as the counts of references tell. Each row has memory of its own: who keeps
one keeps no others.
"""
cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from puffer.native.ends cimport EndsForm, EpisodeEnds, end_t, new_array, new_row

cnp.import_array()

# Bytes that the arrays of rows that are kept may take, and those of an array beside its data.
cdef Py_ssize_t MOST_BYTES = 1 << 20
cdef Py_ssize_t ARRAY_BYTES = 128
# Of an array that is as it was made.
cdef int FLAGS = cnp.NPY_ARRAY_CARRAY | cnp.NPY_ARRAY_OWNDATA

cdef extern from "puffer/native/dispatch.h":
    pass

cdef extern from "puffer/native/references.h":
    bint puffer_is_unused(PyObject* thing, PyObject* dtype, int ndim, const cnp.npy_intp* shape, int flags)

cdef extern from *:
    """
    /* Adds to the count of references to None at once: one by one, each addition would wait for the one before. Newer
     * versions of Python do not count them. */
    static void count_none(Py_ssize_t count) {
    #if PY_VERSION_HEX < 0x030C0000
        Py_SET_REFCNT(Py_None, Py_REFCNT(Py_None) + count);
    #endif
    }

    /* Fills memory that refers to nothing with None. */
    static void fill_with_none(PyObject **objects, Py_ssize_t count) {
        count_none(count);
        for (Py_ssize_t k = 0; k < count; k++) objects[k] = Py_None;
    }

    /* Sets these elements to None. */
    static void set_none(PyObject **objects, const int64_t *elements, Py_ssize_t count) {
        count_none(count);
        for (Py_ssize_t k = 0; k < count; k++) {
            PyObject *old = objects[elements[k]];
            objects[elements[k]] = Py_None;
            Py_DECREF(old);
        }
    }

    PUFFER_CLONES
    static int are_none(PyObject *const *objects, Py_ssize_t count) {
        int others = 0;
        PyObject *none = Py_None;
        for (Py_ssize_t k = 0; k < count; k++) others |= objects[k] != none;
        return !others;
    }
    """
    void fill_with_none(PyObject** objects, Py_ssize_t count)
    bint are_none(PyObject** objects, Py_ssize_t count)
    void count_none(Py_ssize_t count)
    void set_none(PyObject** objects, const int64_t* elements, Py_ssize_t count)
    PyObject* PyList_GET_ITEM(object items, Py_ssize_t index)


@cython.final
cdef class FinalObjects:
    """FinalObjects(form)
--

An array of objects, one for each row of an `EndsForm`, and arrays of rows to be put in there.
"""

    def __cinit__(self, EndsForm form not None):
        self.length = form.num_rows
        self.objects = nothing(self.length)
        self.object_dtype = self.objects.dtype
        self.arrays = []
        self.most_arrays = MOST_BYTES // (form.row_size + ARRAY_BYTES)
        self.filled_array = new_array(self.length, cnp.NPY_INT64)
        self.filled = <int64_t*>cnp.PyArray_DATA(self.filled_array)

    cdef bint is_free(self):
        """Whether nobody else refers to the array of objects."""
        return puffer_is_unused(<PyObject*>self.objects, <PyObject*>self.object_dtype, 1, &self.length, FLAGS)

    cdef int clear(self) except -1:
        """Make all objects None."""
        cdef PyObject** objects = <PyObject**>cnp.PyArray_DATA(self.objects)
        set_none(objects, self.filled, self.count)
        self.count = 0
        # Whoever had the array may have written into it.
        if not are_none(objects, self.length):
            self.objects.fill(None)
        return 0

    cdef cnp.ndarray fill(self, EpisodeEnds ends):
        """The array of objects with the last observations of these ends."""
        cdef EndsForm form = ends.form
        cdef PyObject** objects = <PyObject**>cnp.PyArray_DATA(self.objects)
        cdef const end_t* entries = ends.entries()
        cdef const char* observations = ends.last_observations()
        cdef Py_ssize_t k, kept = len(self.arrays)
        cdef PyObject* array
        for k in range(ends.count):
            array = PyList_GET_ITEM(self.arrays, k) if k < kept else NULL
            if array == NULL or not puffer_is_unused(array, <PyObject*>form.dtype, form.ndim - 1, form.sizes + 1,
                                                     FLAGS):
                new = new_row(form)
                array = <PyObject*>new
                if k < kept:
                    self.arrays[k] = new
                elif k < self.most_arrays:
                    self.arrays.append(new)
            memcpy(cnp.PyArray_DATA(<cnp.ndarray>array), observations + k * form.row_size, form.row_size)
            self.filled[k] = entries[k].row - form.first_row
            # In place of None.
            Py_INCREF(<object>array)
            objects[self.filled[k]] = array
            self.count = k + 1
        count_none(-ends.count)
        return self.objects


cdef object final_objects(EpisodeEnds ends):
    """The `final_obs` of these ends: rows."""
    cdef EndsForm form = ends.form
    cdef FinalObjects one
    if form.ndim == 1:
        return final_values(ends, list)
    if form.finals is None:
        form.finals = []
    for one in form.finals:
        if one.is_free():
            one.clear()
            return one.fill(ends)
    # Two, because a caller tends to hold the last one until there is another. Others belong to those who hold them.
    one = FinalObjects(form)
    form.finals = [*form.finals[max(0, len(form.finals) - 1):], one]
    return one.fill(ends)


cdef object final_values(EpisodeEnds ends, values_of):
    """The `final_obs` of these ends: what a function makes of the rows of their last observations, as a sequence."""
    cdef cnp.ndarray array = nothing(ends.form.num_rows)
    cdef PyObject** objects = <PyObject**>cnp.PyArray_DATA(array)
    cdef const end_t* entries = ends.entries()
    cdef list values = list(values_of(ends.observations))
    cdef Py_ssize_t k
    if len(values) != ends.count:
        raise ValueError(f"expected the values of {ends.count} rows, got those of {len(values)}")
    for k in range(ends.count):
        value = values[k]
        Py_INCREF(value)
        objects[entries[k].row - ends.form.first_row] = <PyObject*>value
    count_none(-ends.count)
    return array


cdef cnp.ndarray nothing(Py_ssize_t length):
    """An array of None."""
    cdef cnp.ndarray array = new_array(length, cnp.NPY_OBJECT)
    fill_with_none(<PyObject**>cnp.PyArray_DATA(array), length)
    return array
