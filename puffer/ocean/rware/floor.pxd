# The floor of the robot warehouse: its C kernel and its layout.
from libc.stdint cimport int32_t, uint8_t, uint64_t

cdef extern from "puffer/ocean/rware/rware.h" nogil:
    enum:
        ROBOT, SHELF, REQUESTED, CARRIED, HIGHWAY, WALL, MOST_ROBOTS, SELF_FLOATS, CELL_FLOATS
    # A robot.
    ctypedef struct State "rware_robot":
        int32_t cell
        uint8_t direction, loaded, delivered
    void rware_fill_tables()
    void rware_plan(int n, const State* robots, const int32_t* actions, uint8_t* floor, const int32_t* steps,
                    int stride, int margin, int32_t* targets)
    uint64_t rware_move(int n, State* robots, const int32_t* actions, uint8_t* floor, const int32_t* targets)
    void rware_observe(Py_ssize_t copies, int n, int side, Py_ssize_t stride, Py_ssize_t floor_size,
                       const State* robots, const uint8_t* floor, const float* places, float* row)


cdef inline void request_shelf(uint8_t* floor, int before) noexcept nogil:
    """Request the shelf that comes after `before` others that are not requested."""
    cdef Py_ssize_t cell = 0
    while True:
        if floor[cell] & (SHELF | REQUESTED) == SHELF:
            if before == 0:
                break
            before -= 1
        cell += 1
    floor[cell] |= REQUESTED


cdef inline bint is_floor(const uint8_t* floor, const uint8_t* start, Py_ssize_t size, const State* robots, int n,
                          int shelves, int queue) noexcept nogil:
    """Whether a floor could have come of `start`, with `n` robots in the cells that they say, and all its shelves."""
    cdef Py_ssize_t cell
    cdef int k, found = 0, requested = 0, there = 0, code
    for cell in range(size):
        code = floor[cell]
        if (code ^ start[cell]) & (WALL | HIGHWAY) or (code & WALL and code != start[cell]):
            return False
        if code & REQUESTED and not code & SHELF or code & CARRIED and not (code & SHELF and code & ROBOT):
            return False
        found += code & SHELF != 0
        requested += code & REQUESTED != 0
        there += code & ROBOT != 0
    if found != shelves or requested != queue or there != n:
        return False
    for k in range(n):
        if not (0 <= robots[k].cell < size and robots[k].direction < 4 and robots[k].loaded < 2
                and robots[k].delivered < 2):
            return False
        code = floor[robots[k].cell]
        if code & ROBOT != robots[k].direction + 1 or (code & CARRIED != 0) != robots[k].loaded:
            return False
        for cell in range(k):
            if robots[cell].cell == robots[k].cell:
                return False
    return True


# ---- The map: its layout is that of the package ----

cdef inline object highway_cells(int rows, int columns, int height):
    """Whether each cell is free of shelves, bool (height, width)."""
    import numpy as np
    shape = (height + 1) * rows + 2, 3 * columns + 1
    y, x = np.indices(shape)
    before_goals = (y > shape[0] - height - 3) & ((x == shape[1] // 2 - 1) | (x == shape[1] // 2))
    return (x % 3 == 0) | (y % (height + 1) == 0) | (y == shape[0] - 1) | before_goals


cdef inline list goal_cells(highways):
    """The row and column of each goal: the two middle cells of the last row."""
    height, width = highways.shape
    return [(height - 1, width // 2 - 1), (height - 1, width // 2)]


# ---- Tables that all copies share, with walls as wide as `margin` around the map ----

cdef inline object empty_floor(highways, int margin):
    """A floor without robots, all shelves on their cells: uint8 (cells,)."""
    import numpy as np
    return np.pad(np.where(highways, HIGHWAY, SHELF).astype(np.uint8), margin, constant_values=WALL).ravel()


cdef inline object place_numbers(highways, int margin):
    """The first SELF_FLOATS numbers of the observation from a cell, as far as they depend on it: float32 (cells, 8)."""
    import numpy as np
    height, width = highways.shape
    numbers = np.zeros((height + 2 * margin, width + 2 * margin, SELF_FLOATS), np.float32)
    numbers[..., 1], numbers[..., 0] = np.indices(numbers.shape[:2]) - margin
    numbers[..., 7] = np.pad(highways, margin)
    return numbers.reshape(-1, SELF_FLOATS)
