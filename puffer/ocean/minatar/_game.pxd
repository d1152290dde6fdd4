# What the five games of MinAtar share: their parameters, sticky actions, and pictures. See _game.pyx.
from libc.stdint cimport int32_t, uint8_t, uint64_t

from puffer._core cimport Env
from puffer.rng cimport rng_bits

cdef enum:
    # The sides of a board, in cells.
    SIDE = 10
    CELLS = SIDE * SIDE

# In the order of the package's actions.
cdef enum Move:
    NOTHING
    LEFT
    UP
    RIGHT
    DOWN
    FIRE
    MOVES


cdef class MinAtar(Env):
    cdef readonly double sticky_action_prob
    cdef readonly bint difficulty_ramping
    cdef readonly bint use_minimal_action_set
    # Which random bits repeat the last move: those below this.
    cdef uint64_t sticky_below
    # The move of each action, how many there are, and the last move of each copy.
    cdef int32_t[MOVES] moves
    cdef int move_count
    cdef int32_t* last
    # Bytes of an observation. Where it is a constant, gcc sets them to zero by a slow instruction.
    cdef size_t row_size
    cdef tuple colours
    cdef uint8_t[:, :, :, ::1] observations
    cdef int32_t[::1] actions

    # Write the observation of a copy into cells.
    cdef void paint(self, Py_ssize_t i, uint8_t* cells) noexcept nogil

    # The move that a copy makes: that of its action, or its last one again.
    cdef inline Move next_move(self, Py_ssize_t i) noexcept nogil:
        cdef int action = self.actions[i]
        if rng_bits(&self.rng[i]) >= self.sticky_below:
            self.last[i] = self.moves[action] if 0 <= action < self.move_count else NOTHING
        return <Move>self.last[i]
