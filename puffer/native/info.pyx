"""The info dictionary of a step, whose entries about ended episodes and rows are made only when somebody looks.

A large batch ends episodes in nearly every step, and Gymnasium's form of `final_obs`, one Python object per row, costs
more to build than the step itself. So a step hands out an `Info` with all of its keys, which makes each entry from the
`EpisodeEnds` of the step on first use.
"""
import sys

import numpy as np

cimport numpy as cnp
from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next, PyDict_SetItem, PyDict_Update
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t

from puffer.native.pytrees import register

from puffer.native.ends cimport EpisodeEnds, end_t
from puffer.native.finals cimport final_objects, final_values

cnp.import_array()

cdef extern from "Python.h":
    Py_ssize_t PyDict_GET_SIZE(object dictionary)


class _NotMade:
    def __repr__(self):
        return "<made when it is asked for>"


# The value of entries that have not been made: code in C that looks past the methods of Info finds this.
cdef object NOT_MADE = _NotMade()
cdef dict FINALS = dict.fromkeys(("final_obs", "_final_obs", "final_info", "_final_info"), NOT_MADE)
cdef dict EPISODES = dict.fromkeys(("episode", "_episode"), NOT_MADE)
cdef dict BOTH = {**FINALS, **EPISODES}

cdef dict MODULES = sys.modules
# How many modules there were when we last looked for libraries that want to know of Info.
cdef Py_ssize_t modules_seen = 0


cdef class Info(dict):
    """A dictionary whose entries about ended episodes, and about rows, are made on first use, each by itself.

    Behaves as the plain dictionary it turns into: pickles, copies and compares as one, and is a node of the trees of
    torch and JAX as one.
    """

    @staticmethod
    cdef Info over(EpisodeEnds ends, bint has_finals, bint has_episodes):
        """The info of a step with these ends; has_finals: as in SAME_STEP, has_episodes: as with record_episodes."""
        cdef Info info = Info.__new__(Info)
        info.ends = ends
        if has_finals or has_episodes:
            PyDict_Update(info, (BOTH if has_finals else EPISODES) if has_episodes else FINALS)
        if PyDict_GET_SIZE(MODULES) != modules_seen:
            make_known()
        return info

    cdef int tell(self, tuple names, object told, object rows) except -1:
        """Add entries of these names about rows, those in the mask or all; see `row_infos` of `puffer.Env`."""
        self.told, self.told_rows = told, rows
        for name in names:
            dict.__setitem__(self, name, NOT_MADE)
            dict.__setitem__(self, f"_{name}", NOT_MADE)
        return 0

    cdef object told_value(self, str key):
        """An entry about rows, or of those that ended as the step left them."""
        if callable(self.told):
            self.told = self.told()
        shown, last = self.told
        if key == "final_info":
            return masked(last, mask_of(self.ends))
        name = key if key in shown else key[1:]
        return masked({name: shown[name]}, self.told_rows)[key]

    def show(self, values_of):
        """Let `final_obs` have the values that a function makes of the rows of last observations, as a sequence."""
        self.values_of = values_of

    cdef object made(self, object key):
        """The value of an entry, which is kept. Raises KeyError if there is none."""
        cdef PyObject* found = PyDict_GetItemWithError(self, key)
        if found == NULL:
            raise KeyError(key)
        if found != <PyObject*>NOT_MADE:
            return <object>found
        value = self.value_of(key)
        PyDict_SetItem(self, key, value)
        return value

    cdef object value_of(self, object key):
        """The value of an entry that has not been made."""
        cdef EpisodeEnds ends = self.ends
        if ends is None or key not in BOTH:
            return self.told_value(key)
        if key == "final_obs":
            return final_objects(ends) if self.values_of is None else final_values(ends, self.values_of)
        if key == "final_info":
            if self.told is not None:
                return self.told_value(key)
            return {} if self.final_info is None else self.final_info()
        if key == "episode":
            return {
                "r": by_row(ends, ends.returns, cnp.NPY_FLOAT64),
                "l": by_row(ends, ends.lengths, cnp.NPY_INT64),
                "t": by_row(ends, np.round(ends.seconds, 6), cnp.NPY_FLOAT64),
            }
        return mask_of(ends)

    cdef int complete(self) except -1:
        """Make all entries."""
        cdef Py_ssize_t position = 0
        cdef PyObject* key
        cdef PyObject* value
        cdef list missing = []
        while PyDict_Next(self, &position, &key, &value):
            if value == <PyObject*>NOT_MADE:
                missing.append(<object>key)
        for name in missing:
            self.made(name)
        self.ends = self.told = None
        return 0

    # What reads values. The rest is that of dict, which knows all keys. With an __iter__ that is not its own, dict()
    # and ** read values by these methods as well.

    def __iter__(self):
        return dict.__iter__(self)

    def __getitem__(self, key):
        return self.made(key)

    def get(self, key, default=None, /):
        return self.made(key) if key in self else default

    def pop(self, key, /, *default):
        if default and key not in self:
            return dict.pop(self, key, *default)
        value = self.made(key)
        dict.__delitem__(self, key)
        return value

    def popitem(self):
        key, value = dict.popitem(self)
        return key, self.value_of(key) if value is NOT_MADE else value

    def setdefault(self, key, default=None, /):
        return self.made(key) if key in self else dict.setdefault(self, key, default)

    def values(self):
        self.complete()
        return dict.values(self)

    def items(self):
        self.complete()
        return dict.items(self)

    def copy(self):
        return dict(self)

    def __repr__(self):
        self.complete()
        return dict.__repr__(self)

    def __eq__(self, other):
        self.complete()
        if isinstance(other, Info):
            (<Info>other).complete()
        return dict.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    def __or__(self, other):
        return dict(self) | dict(other)

    def __ror__(self, other):
        return dict(other) | dict(self)

    def __reduce__(self):
        return dict, (dict(self),)


def add_ends(dict entries, EpisodeEnds ends not None, *, final_info, bint has_episodes):
    """The `entries` of an info and those about ended episodes, in an `Info`.

    `final_info` makes the entry of that name when it is asked for; without it, there are none of last observations.
    """
    cdef Info info = Info.__new__(Info)
    if ends.form is None:
        raise TypeError("these EpisodeEnds are of no batch")
    info.ends = ends
    info.final_info = final_info
    info.update(entries)
    if final_info is not None:
        info.update(FINALS)
    if has_episodes:
        info.update(EPISODES)
    make_known()
    return info


def info_of_rows(info, rows):
    """The part of an info that is about some rows, a slice: without the keys that none of them has."""
    # An own key _k takes the place of the mask of k.
    masks = {key: info[f"_{key}"] for key in info if f"_{key}" in info and f"__{key}" not in info}
    unset = {key for key, mask in masks.items() if not mask[rows].any()}
    unset |= {f"_{key}" for key in unset}
    return {key: info_of_rows(value, rows) if isinstance(value, dict) else value[rows].copy()
            for key, value in info.items() if key not in unset}


cdef int make_known() except -1:
    """Let libraries know of Info, if more modules have been imported."""
    global modules_seen
    cdef Py_ssize_t count = PyDict_GET_SIZE(MODULES)
    if count != modules_seen:
        register(Info)
        modules_seen = count
    return 0


# ---- Values ----


cdef object mask_of(EpisodeEnds ends):
    """Which rows have ended."""
    cdef cnp.npy_intp size = ends.form.num_rows
    cdef cnp.ndarray mask = cnp.PyArray_ZEROS(1, &size, cnp.NPY_BOOL, 0)
    cdef uint8_t* marks = <uint8_t*>cnp.PyArray_DATA(mask)
    cdef const end_t* entries = ends.entries()
    cdef Py_ssize_t k
    for k in range(ends.count):
        marks[entries[k].row - ends.form.first_row] = True
    return mask


cdef dict masked(columns, mask):
    """Columns of an info with the values of these rows, or of all, and zero in the others; with their masks."""
    cdef dict info = {}
    for name, values in columns.items():
        chosen = np.ones(len(values), np.bool_) if mask is None else mask.copy()
        column = np.zeros_like(values)
        column[chosen] = values[chosen]
        info[name], info[f"_{name}"] = column, chosen
    return info


cdef object by_row(EpisodeEnds ends, cnp.ndarray values, int type_number):
    """An array over all rows, zero where no episode has ended."""
    cdef cnp.npy_intp size = ends.form.num_rows
    array = cnp.PyArray_ZEROS(1, &size, type_number, 0)
    array[ends.rows] = values
    return array
