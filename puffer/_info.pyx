"""The info dictionary of a step in which episodes ended, made only when somebody looks.

A large batch ends episodes in nearly every step, and Gymnasium's form of `final_obs`, one Python object per row, costs
more to build than the step itself. So a step hands out an `Info` that owns the arrays the step loop recorded into, and
fills itself on first use; the loop goes on with other arrays for as long as somebody holds the `Info`.
"""
import numpy as np

cimport numpy as cnp
from libc.stdint cimport int32_t, uint8_t

from puffer._buffers import aligned_zeros

cnp.import_array()


cdef class EpisodeEnds:
    """EpisodeEnds(rows, observation_shape, observation_dtype, *, final_observations, record_episodes)
--

Arrays for the ends of episodes within one step of `rows` rows.
"""

    def __init__(self, Py_ssize_t rows, observation_shape, observation_dtype, *, bint final_observations,
                 bint record_episodes):
        self.rows = rows
        self.record_episodes = record_episodes
        self.mask_array = aligned_zeros((rows,), np.bool_)
        self.return_array = aligned_zeros((rows,), np.float64)
        self.length_array = aligned_zeros((rows,), np.int32)
        self.mask = <uint8_t*>cnp.PyArray_DATA(self.mask_array)
        self.returns = <double*>cnp.PyArray_DATA(self.return_array)
        self.lengths = <int32_t*>cnp.PyArray_DATA(self.length_array)
        if final_observations:
            self.observation_array = aligned_zeros((rows, *observation_shape), observation_dtype)
            self.final_observations = <char*>cnp.PyArray_DATA(self.observation_array)
        if record_episodes:
            self.time_array = aligned_zeros((rows,), np.float64)
            self.times = <double*>cnp.PyArray_DATA(self.time_array)

    def info(self):
        """The info of these ends as a plain dictionary, in Gymnasium's form for vector environments."""
        mask = np.asarray(self.mask_array)
        info = {}
        if self.observation_array is not None:
            final_observations = np.full(self.rows, None, dtype=object)
            for row in np.flatnonzero(mask):
                final_observations[row] = self.observation_array[row]
            info["final_obs"] = final_observations
            info["_final_obs"] = mask.copy()
            info["final_info"] = {}
            info["_final_info"] = mask.copy()
        if self.record_episodes:
            info["episode"] = {
                "r": np.where(mask, self.return_array, 0.0),
                "l": np.where(mask, self.length_array, 0),
                "t": np.where(mask, np.round(self.time_array, 6), 0.0),
            }
            info["_episode"] = mask.copy()
        return info


cdef class Info(dict):
    """A dictionary whose entries about ended episodes are made on first use.

    Behaves as the plain dictionary it turns into: pickles, copies and compares as one.
    """

    @staticmethod
    cdef Info over(EpisodeEnds ends):
        cdef Info info = Info.__new__(Info)
        info.ends = ends
        return info

    cdef int fill(self) except -1:
        cdef EpisodeEnds ends = self.ends
        if ends is not None:
            self.ends = None
            # Entries that the caller has set in the meantime win.
            for key, value in ends.info().items():
                dict.setdefault(self, key, value)
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

    def get(self, key, default=None):
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

    def setdefault(self, key, default=None):
        self.fill()
        return dict.setdefault(self, key, default)

    def update(self, *arguments, **entries):
        self.fill()
        dict.update(self, *arguments, **entries)

    def clear(self):
        self.ends = None
        dict.clear(self)
