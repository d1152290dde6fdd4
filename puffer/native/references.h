/* Whether an array may be used again, as the count of references to it tells. */
#ifndef PUFFER_REFERENCES_H
#define PUFFER_REFERENCES_H

#include <Python.h>
#include <numpy/arrayobject.h>

/* Without a global lock a count of references does not tell who else has one. */
#ifdef Py_GIL_DISABLED
#define PUFFER_COUNTS_ARE_EXACT 0
#else
#define PUFFER_COUNTS_ARE_EXACT 1
#endif

/* Whether there is but one reference to an array, which still is as it was made. */
static inline int puffer_is_unused(PyObject *thing, PyObject *dtype, int ndim, const npy_intp *shape, int flags) {
    PyArrayObject *array = (PyArrayObject *)thing;
    if (!PUFFER_COUNTS_ARE_EXACT) return 0;
    if (Py_REFCNT(thing) != 1 || (PyObject *)PyArray_DESCR(array) != dtype || PyArray_NDIM(array) != ndim) return 0;
    if ((PyArray_FLAGS(array) & flags) != flags || ((PyArrayObject_fields *)array)->weakreflist) return 0;
    for (int k = 0; k < ndim; k++)
        if (PyArray_DIMS(array)[k] != shape[k]) return 0;
    return 1;
}

#endif
