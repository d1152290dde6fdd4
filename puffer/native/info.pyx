"""The info dictionary of a step, made only when somebody looks.

A large batch ends episodes in nearly every step, and Gymnasium's form of `final_obs`, one Python object per row, costs
more to build than the step itself. So a step hands out an `Info` that owns the arrays the step loop recorded into, and
fills itself on first use; the loop goes on with other arrays for as long as somebody holds the `Info`.
"""
import numpy as np

from libc.stdint cimport int32_t, int64_t, uintptr_t

from puffer.native.buffers import aligned_zeros

_PLACEHOLDER = "final_obs"


cdef class EpisodeEnds:
    """EpisodeEnds(num_rows, observation_shape, observation_dtype, *, final_observations, record_episodes)
--

Room for the ends of episodes within one step of `num_rows` rows: entry k of each array is about one ended row. Each
thread writes its entries in a stretch of its own.
"""

    def __init__(self, Py_ssize_t num_rows, observation_shape, observation_dtype, *, bint final_observations,
                 bint record_episodes):
        self.num_rows = num_rows
        self.row_array = aligned_zeros((num_rows,), np.int64)
        self.return_array = aligned_zeros((num_rows,), np.float64)
        self.length_array = aligned_zeros((num_rows,), np.int32)
        self.rows = <int64_t*><uintptr_t>self.row_array.ctypes.data
        self.returns = <double*><uintptr_t>self.return_array.ctypes.data
        self.lengths = <int32_t*><uintptr_t>self.length_array.ctypes.data
        if final_observations:
            self.observation_array = aligned_zeros((num_rows, *observation_shape), observation_dtype)
            self.final_observations = <char*><uintptr_t>self.observation_array.ctypes.data
        if record_episodes:
            self.time_array = aligned_zeros((num_rows,), np.float64)
            self.times = <double*><uintptr_t>self.time_array.ctypes.data

    cdef int take(self, Py_ssize_t first_row, stretch_t* stretches, int count) except -1:
        """Remember which stretches were written, and that row numbers count from first_row."""
        cdef int k
        self.stretches = [first_row]
        for k in range(count):
            if stretches[k].count:
                self.stretches.append((stretches[k].start, stretches[k].start + stretches[k].count))
        return 0

    def info(self):
        """The info of these ends as a plain dictionary, in Gymnasium's form for vector environments."""
        if self.stretches is None:
            return {}
        self.is_out = True
        first_row, *stretches = self.stretches
        entries = np.concatenate([np.arange(start, end) for start, end in stretches])
        rows = self.row_array[entries] - first_row
        mask = np.zeros(self.num_rows, np.bool_)
        mask[rows] = True
        info = {}
        if self.observation_array is not None:
            final_observations = np.full(self.num_rows, None, dtype=object)
            for row, entry in zip(rows.tolist(), entries.tolist()):
                final_observations[row] = self.observation_array[entry]
            info["final_obs"] = final_observations
            info["_final_obs"] = mask.copy()
            info["final_info"] = {}
            info["_final_info"] = mask.copy()
        if self.time_array is not None:
            info["episode"] = {
                "r": self._by_row(self.return_array, entries, rows, np.float64),
                "l": self._by_row(self.length_array, entries, rows, np.int64),
                "t": self._by_row(np.round(self.time_array, 6), entries, rows, np.float64),
            }
            info["_episode"] = mask
        return info

    def _by_row(self, values, entries, rows, dtype):
        """An array over all rows, zero where no episode ended."""
        array = np.zeros(self.num_rows, dtype)
        array[rows] = values[entries]
        return array


cdef class Info(dict):
    """A dictionary whose entries about ended episodes, and about rows, are made on first use.

    Behaves as the plain dictionary it turns into: pickles, copies and compares as one.
    """

    @staticmethod
    cdef Info over(EpisodeEnds ends, object of_rows, object mask):
        cdef Info info = Info.__new__(Info)
        info.ends, info.of_rows, info.mask = ends, of_rows, mask
        # Code in C that looks past the methods, such as the json module's, asks whether a dictionary is empty.
        dict.__setitem__(info, _PLACEHOLDER, None)
        return info

    cdef int fill(self) except -1:
        cdef EpisodeEnds ends = self.ends
        cdef object of_rows = self.of_rows
        if ends is not None or of_rows is not None:
            self.ends = self.of_rows = None
            dict.__delitem__(self, _PLACEHOLDER)
            if ends is not None:
                dict.update(self, ends.info())
            if of_rows is not None:
                shown, last = of_rows()
                dict.update(self, _of_masked(shown, self.mask))
                if dict.__contains__(self, "final_info"):
                    dict.__setitem__(self, "final_info", _of_masked(last, dict.__getitem__(self, "_final_info")))
        return 0

    def __getitem__(self, key):
        self.fill()
        return dict.__getitem__(self, key)

    def __setitem__(self, key, value):
        self.fill()
        dict.__setitem__(self, key, value)

    def __delitem__(self, key):
        self.fill()
        dict.__delitem__(self, key)

    def __contains__(self, key):
        self.fill()
        return dict.__contains__(self, key)

    def __iter__(self):
        self.fill()
        return dict.__iter__(self)

    def __reversed__(self):
        self.fill()
        return dict.__reversed__(self)

    def __len__(self):
        self.fill()
        return dict.__len__(self)

    def __bool__(self):
        return len(self) > 0

    def __repr__(self):
        self.fill()
        return dict.__repr__(self)

    def __eq__(self, other):
        self.fill()
        if isinstance(other, Info):
            (<Info>other).fill()
        return dict.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    def __or__(self, other):
        return dict(self) | dict(other)

    def __ror__(self, other):
        return dict(other) | dict(self)

    def __ior__(self, other):
        self.update(other)
        return self

    def __reduce__(self):
        return dict, (dict(self),)

    def get(self, key, default=None, /):
        self.fill()
        return dict.get(self, key, default)

    def keys(self):
        self.fill()
        return dict.keys(self)

    def values(self):
        self.fill()
        return dict.values(self)

    def items(self):
        self.fill()
        return dict.items(self)

    def copy(self):
        return dict(self)

    def pop(self, *arguments):
        self.fill()
        return dict.pop(self, *arguments)

    def popitem(self):
        self.fill()
        return dict.popitem(self)

    def setdefault(self, key, default=None, /):
        self.fill()
        return dict.setdefault(self, key, default)

    def update(self, *arguments, **entries):
        self.fill()
        dict.update(self, *arguments, **entries)

    def clear(self):
        self.ends = self.of_rows = None
        dict.clear(self)


def _of_masked(columns, mask):
    """Columns of an info with the values of these rows, or of all, and zero in the others."""
    info = {}
    for name, values in columns.items():
        chosen = np.ones(len(values), np.bool_) if mask is None else mask.copy()
        column = np.zeros_like(values)
        column[chosen] = values[chosen]
        info[name], info[f"_{name}"] = column, chosen
    return info
