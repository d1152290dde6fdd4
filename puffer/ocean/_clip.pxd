# Shared by environments whose actions are floats. Header only.


cdef inline float clip(float value, float low, float high) noexcept nogil:
    """The nearest number from low to high; NaN, for which every comparison is false, gives low."""
    value = value if value > low else low
    return value if value < high else high
