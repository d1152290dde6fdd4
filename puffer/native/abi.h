/* The binary interface of puffer: its number, and the check of it, which is part of every extension that cimports
 * puffer._core.
 *
 * Cython looks at the types of other modules before the first line of a module runs, and complains of sizes that differ
 * in its own words, or not at all. So the check is made where the interpreter first enters the extension.
 */
#ifndef PUFFER_ABI_H
#define PUFFER_ABI_H

#include <Python.h>

#define PUFFER_ABI 3

/* Refuses, with an ImportError, an installed puffer of another binary interface. */
static inline int import_puffer(void) {
    PyObject *core = PyImport_ImportModule("puffer._core");
    PyObject *installed = core ? PyObject_GetAttrString(core, "ABI") : NULL;
    long number = installed ? PyLong_AsLong(installed) : -1;
    Py_XDECREF(installed);
    Py_XDECREF(core);
    if (number == PUFFER_ABI)
        return 0;
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ImportError,
                     "this extension was built for version %d of puffer's binary interface, and the installed puffer "
                     "has version %ld: build the extension again",
                     PUFFER_ABI, number);
    return -1;
}

/* Cython's name for the module that is being compiled: puffer._core itself has nothing to compare with. */
#ifndef __PYX_HAVE__puffer___core
static inline PyObject *puffer_init_module(PyModuleDef *definition) {
    return import_puffer() < 0 ? NULL : PyModuleDef_Init(definition);
}
#define PyModuleDef_Init puffer_init_module
#endif

#endif
