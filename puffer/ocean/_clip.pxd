# Shared by environments whose actions are floats. Header only.


cdef inline float clip(float value, float low, float high) noexcept nogil:
    """The nearest number from low to high; NaN, for which every comparison is false, gives low."""
    # Two steps, of which neither is a branch: random actions make it unpredictable.
    cdef float raised = value if value > low else low
    return raised if raised < high else high
