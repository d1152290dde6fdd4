/* Whether an array may be used again, as the count of references to it tells. */
#ifndef PUFFER_REFERENCES_H
#define PUFFER_REFERENCES_H

#include <Python.h>
#include <numpy/arrayobject.h>

/* Whether there is but one reference to an array, which still is as it was made. Without a global lock a count of one
 * does not mean that nobody else has a reference. */
static inline int puffer_is_unused(PyObject *thing, PyObject *dtype, int ndim, const npy_intp *shape, int flags) {
#ifdef Py_GIL_DISABLED
    return 0;
#else
    PyArrayObject *array = (PyArrayObject *)thing;
    if (Py_REFCNT(thing) != 1 || (PyObject *)PyArray_DESCR(array) != dtype || PyArray_NDIM(array) != ndim) return 0;
    if ((PyArray_FLAGS(array) & flags) != flags || ((PyArrayObject_fields *)array)->weakreflist) return 0;
    for (int k = 0; k < ndim; k++)
        if (PyArray_DIMS(array)[k] != shape[k]) return 0;
    return 1;
#endif
}

#endif
