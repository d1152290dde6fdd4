# The hill of MountainCar and MountainCarContinuous. See _hill.pyx.
from puffer._core cimport Env


# An array of each number, with an item per copy.
cdef struct State:
    float* position
    float* velocity     # change of the position in a step


cdef class Hill(Env):
    cdef readonly double goal_velocity
    # Where the flag is.
    cdef double goal
    cdef float[:, ::1] observations
    cdef State state

    cdef void push(self, Py_ssize_t i, double force) noexcept nogil
    cdef bint has_arrived(self, Py_ssize_t i) noexcept nogil
