# Shared by environments whose actions are floats, or whose states have indices. Header only.
from libc.stdint cimport int64_t


cdef inline float clip(float value, float low, float high) noexcept nogil:
    """The nearest number from low to high; NaN, for which every comparison is false, gives low."""
    # Two steps, of which neither is a branch: random actions make it unpredictable.
    cdef float raised = value if value > low else low
    return raised if raised < high else high


cdef inline int clamped(int64_t value, int low, int high) noexcept nogil:
    """The nearest integer from low to high. Indices in a snapshot may be any numbers."""
    return <int>min(max(value, low), high)
