"""How the rules of a native environment are sent to other arrays in a few stores.

An author's `__init__` makes typed memoryviews of the buffers, and the fields that hold addresses in their arrays are
found here. From then on those fields are set directly. `bind()` of a class that has it makes such views too, which
takes about a microsecond: more than a step of one copy. What it changes is known after it has run twice, for two sets
of arrays: the fields that differ by as much as the arrays lie apart are addresses in them.
"""
cimport numpy as cnp

from puffer.native.buffers cimport Buffers
from puffer.native.rules cimport Rules

cnp.import_array()

# Where a class that keeps addresses in its state would be noticed.
cdef enum:
    PROBED = 4096

# The arrays that a step writes, in the order of `_array`; actions and masks are the same in every set.
cdef enum:
    OBSERVATIONS
    REWARDS
    TERMINATIONS
    TRUNCATIONS
    ARRAYS


cdef class Binding:
    """Binding()
--

Knows nothing until `find` was called.
"""

    cdef int find(self, Rules rules, Buffers home, Buffers other) except -1:
        """Bind the rules to `other`, and then to `home`; `other` has the actions and masks of `home`."""
        cdef Py_ssize_t size = type(rules).__basicsize__
        cdef bytes before, after, state
        rules.attach(home)
        before, state = (<char*><void*>rules)[:size], _probed(rules)
        rules.attach(other)
        after = (<char*><void*>rules)[:size]
        self.count = 0
        self.is_complete = state == _probed(rules) and self.compare(rules, before, after, home, other)
        rules.attach(home)
        return 0

    cdef bint compare(self, Rules rules, bytes before, bytes after, Buffers home, Buffers other) except -1:
        """Note the fields that are addresses in the arrays. Whether there are such, and nothing else has changed."""
        cdef const size_t* old = <const size_t*><const char*>before
        cdef const size_t* new = <const size_t*><const char*>after
        cdef Py_ssize_t k, words = len(before) // sizeof(size_t)
        cdef int array
        cdef bint knows_observations = False
        # Behind the count of references and the type.
        for k in range(2, words):
            if old[k] == new[k]:
                # A view that was made once, of the arrays that are still the home of the batch.
                array = _array_of(old[k], home)
                if array < 0:
                    continue
            else:
                array = _array_at(old[k], new[k], home, other)
            if array >= 0 and self.count < MAX_FIELDS:
                self.fields[self.count] = field_t(<char**><void*>rules + k, array, old[k] - _start(home, array))
                self.count += 1
                knows_observations |= array == OBSERVATIONS
            elif not (k + 1 < words and _is_in_arrays(new[k + 1], other)):
                # In front of the address of a memoryview is the object that it came from, another one every time.
                return False
        return knows_observations

    cdef void point(self, Buffers buffers, bint observations) noexcept:
        """Send the rules to these buffers, with or without their observations."""
        cdef size_t[ARRAYS] starts
        cdef int k, array
        for array in range(ARRAYS):
            starts[array] = _start(buffers, array)
        for k in range(self.count):
            if observations or self.fields[k].array != OBSERVATIONS:
                self.fields[k].place[0] = <char*>(starts[self.fields[k].array] + self.fields[k].offset)


cdef bytes _probed(Rules rules):
    """The beginning of every block of the state."""
    cdef list parts = []
    cdef int k
    for k in range(rules.num_blocks):
        parts.append(rules.blocks[k].memory[:min(PROBED, rules.num_copies * <Py_ssize_t>rules.blocks[k].size)])
    return b"".join(parts)


cdef inline cnp.ndarray _array(Buffers buffers, int array):
    if array == OBSERVATIONS:
        return buffers.observations
    if array == REWARDS:
        return buffers.rewards
    return buffers.terminations if array == TERMINATIONS else buffers.truncations


cdef inline size_t _start(Buffers buffers, int array) noexcept:
    return <size_t>cnp.PyArray_DATA(_array(buffers, array))


cdef bint _is_within(size_t address, cnp.ndarray array) noexcept:
    cdef size_t start = <size_t>cnp.PyArray_DATA(array)
    return start <= address < start + cnp.PyArray_NBYTES(array)


cdef int _array_at(size_t old, size_t new, Buffers home, Buffers other) noexcept:
    """The array that two addresses lie in, equally far from its start; -1 if there is none."""
    cdef int array
    for array in range(ARRAYS):
        if _is_within(old, _array(home, array)) and old - _start(home, array) == new - _start(other, array):
            return array
    return -1


cdef int _array_of(size_t address, Buffers buffers) noexcept:
    """The array that an address lies in; -1 if there is none."""
    cdef int array
    for array in range(ARRAYS):
        if _is_within(address, _array(buffers, array)):
            return array
    return -1


cdef bint _is_in_arrays(size_t address, Buffers buffers) noexcept:
    return (_array_of(address, buffers) >= 0 or _is_within(address, buffers.actions)
            or _is_within(address, buffers.masks))
