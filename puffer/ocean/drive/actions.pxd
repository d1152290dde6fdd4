# Discrete actions as numbers, and the ranges of continuous ones.
from puffer.ocean.drive.motion cimport CLASSIC, DELTA_LOCAL, INVERTIBLE

cdef enum:
    FIRST_CHOICES = 7
    SECOND_CHOICES = 13
    CHOICES = FIRST_CHOICES * SECOND_CHOICES


cdef inline object bounds_of(int dynamics):
    """The lowest and highest numbers of an action, float32 (2, parts)."""
    import numpy as np
    high = {CLASSIC: [4, np.pi / 3], INVERTIBLE: [4, 0.3], DELTA_LOCAL: [6, 6, np.pi]}[dynamics]
    return np.array([np.negative(high), high], np.float32)


cdef inline object table_of(int dynamics):
    """The numbers of each discrete action, float32 (CHOICES, 3)."""
    import numpy as np
    table = np.zeros((FIRST_CHOICES, SECOND_CHOICES, 3), np.float32)
    steer = {CLASSIC: np.pi / 3, INVERTIBLE: 0.3, DELTA_LOCAL: 0.3}[dynamics]
    if dynamics == DELTA_LOCAL:
        table[..., 0] = np.linspace(0, 2.4, FIRST_CHOICES)[:, None]
    else:
        table[..., 0] = np.linspace(-4, 4, FIRST_CHOICES)[:, None]
    table[..., 2 if dynamics == DELTA_LOCAL else 1] = np.linspace(-steer, steer, SECOND_CHOICES)
    return table.reshape(CHOICES, 3)
