/* Part of every extension that is built with checks. An exception in a method that cannot raise, such as a wrong index
 * in step_one(), is noted in puffer.native.faults, where reset() and step() find it, instead of being printed and
 * forgotten.
 */
#ifndef PUFFER_FAULTS_H
#define PUFFER_FAULTS_H

/* In the place of Cython's __Pyx_WriteUnraisable. */
static void puffer_note(const char *method, int c_line, int line, const char *file, int traceback, int nogil) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *type, *error, *trace, *module, *done = NULL;
    (void)c_line, (void)traceback, (void)nogil;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    module = PyImport_ImportModule("puffer.native.faults");
    if (module)
        done = PyObject_CallMethod(module, "note", "Osssi", error ? error : Py_None, method, PUFFER_FOLDER, file, line);
    if (!done)
        PyErr_WriteUnraisable(NULL);
    Py_XDECREF(done);
    Py_XDECREF(module);
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    PyGILState_Release(state);
}

/* Where a method uses a view that nothing has set. */
static void puffer_raise_unset(void) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyErr_SetString(PyExc_AttributeError, "this view is not set");
    PyGILState_Release(state);
}

/* A function of the module by which puffer.native.faults tells that it is built with checks. */
static PyObject *puffer_is_checked(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    Py_RETURN_TRUE;
}

#define PUFFER_CHECKED_METHOD {"__puffer_checked__", puffer_is_checked, METH_NOARGS, NULL}

/* Not every module has such methods. */
static void *const puffer_noting[] __attribute__((unused)) = {(void *)puffer_note, (void *)puffer_raise_unset};

#endif
