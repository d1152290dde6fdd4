"""The last observations of episodes as Gymnasium has them in `final_obs`: an array of objects, None in other rows.

To make and to free an array for each row that ended would cost more than the step. So these arrays are kept, and used
again when nobody refers to them any more, as the counts of references tell. Each row has memory of its own: who keeps
one keeps no others.
"""
cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from puffer.native.ends cimport EndsForm, EpisodeEnds, end_t, new_array, new_row

cnp.import_array()

# Bytes that the arrays of rows that are kept may take, and those of an array beside its data.
cdef Py_ssize_t MOST_BYTES = 1 << 20
cdef Py_ssize_t ARRAY_BYTES = 128

cdef extern from *:
    """
    /* Fills memory that refers to nothing with None. */
    static void fill_with_none(PyObject **objects, Py_ssize_t count) {
    #if PY_VERSION_HEX < 0x030C0000
        /* At once, since each count would wait for the one before. Newer versions do not count references to None. */
        Py_SET_REFCNT(Py_None, Py_REFCNT(Py_None) + count);
    #endif
        for (Py_ssize_t k = 0; k < count; k++) objects[k] = Py_None;
    }

    static int are_none(PyObject *const *objects, Py_ssize_t count) {
        int others = 0;
        for (Py_ssize_t k = 0; k < count; k++) others |= objects[k] != Py_None;
        return !others;
    }

    static void set_object(PyObject **object, PyObject *value) {
        PyObject *old = *object;
        Py_INCREF(value);
        *object = value;
        Py_XDECREF(old);
    }

    /* Whether there is but one reference to an array, which still is as it was made. */
    static int is_unused(PyObject *thing, PyObject *dtype, int ndim, const npy_intp *shape) {
    #ifdef Py_GIL_DISABLED
        return 0;
    #else
        PyArrayObject *array = (PyArrayObject *)thing;
        const int flags = NPY_ARRAY_CARRAY | NPY_ARRAY_OWNDATA;
        if (Py_REFCNT(thing) != 1 || (PyObject *)PyArray_DESCR(array) != dtype || PyArray_NDIM(array) != ndim) return 0;
        if ((PyArray_FLAGS(array) & flags) != flags || ((PyArrayObject_fields *)array)->weakreflist) return 0;
        for (int k = 0; k < ndim; k++)
            if (PyArray_DIMS(array)[k] != shape[k]) return 0;
        return 1;
    #endif
    }
    """
    void fill_with_none(PyObject** objects, Py_ssize_t count)
    bint are_none(PyObject** objects, Py_ssize_t count)
    void set_object(PyObject** object, PyObject* value)
    bint is_unused(PyObject* thing, PyObject* dtype, int ndim, const cnp.npy_intp* shape)
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
        return is_unused(<PyObject*>self.objects, <PyObject*>self.object_dtype, 1, &self.length)

    cdef int clear(self) except -1:
        """Make all objects None."""
        cdef PyObject** objects = <PyObject**>cnp.PyArray_DATA(self.objects)
        cdef Py_ssize_t k
        for k in range(self.count):
            set_object(&objects[self.filled[k]], <PyObject*>None)
        self.count = 0
        # Whoever had the array may have written into it.
        if not are_none(objects, self.length):
            for k in range(self.length):
                set_object(&objects[k], <PyObject*>None)
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
            if array == NULL or not is_unused(array, <PyObject*>form.dtype, form.ndim - 1, form.sizes + 1):
                new = new_row(form)
                array = <PyObject*>new
                if k < kept:
                    self.arrays[k] = new
                elif k < self.most_arrays:
                    self.arrays.append(new)
            memcpy(cnp.PyArray_DATA(<cnp.ndarray>array), observations + k * form.row_size, form.row_size)
            self.filled[k] = entries[k].row - form.first_row
            set_object(&objects[self.filled[k]], array)
            self.count = k + 1
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
        set_object(&objects[entries[k].row - ends.form.first_row], PyList_GET_ITEM(values, k))
    return array


cdef cnp.ndarray nothing(Py_ssize_t length):
    """An array of None."""
    cdef cnp.ndarray array = new_array(length, cnp.NPY_OBJECT)
    fill_with_none(<PyObject**>cnp.PyArray_DATA(array), length)
    return array
