# The floor of the robot warehouse: its C kernel, its layout, and how it is drawn.
from libc.stdint cimport int32_t, uint8_t, uint64_t

from puffer._core cimport Canvas

cdef extern from "puffer/ocean/rware/rware.h" nogil:
    enum:
        ROBOT, SHELF, REQUESTED, CARRIED, HIGHWAY, WALL, MOST_ROBOTS, SELF_FLOATS, CELL_FLOATS
    ctypedef struct rware_robot:
        int32_t cell
        uint8_t direction, loaded, delivered
    void rware_fill_tables()
    void rware_plan(int n, const rware_robot* robots, const int32_t* actions, uint8_t* floor, const int32_t* steps,
                    int stride, int margin, int32_t* targets)
    uint64_t rware_move(int n, rware_robot* robots, const int32_t* actions, uint8_t* floor, const int32_t* targets)
    void rware_observe(Py_ssize_t copies, int n, int side, Py_ssize_t stride, Py_ssize_t floor_size,
                       const rware_robot* robots, const uint8_t* floor, const float* places, float* row)


cdef inline object highway_cells(rows, columns, height):
    """Whether a cell is free of shelves, bool (height, width): the layout of the package."""
    import numpy as np
    shape = (height + 1) * rows + 2, 3 * columns + 1
    y, x = np.indices(shape)
    before_goals = (y > shape[0] - height - 3) & ((x == shape[1] // 2 - 1) | (x == shape[1] // 2))
    return (x % 3 == 0) | (y % (height + 1) == 0) | (y == shape[0] - 1) | before_goals


cdef inline void draw_cell(Canvas canvas, int row, int column, int code, bint is_goal) noexcept:
    canvas.cell(row, column, 24, 0.5, 0x3D405B if is_goal else 0xEEF0F3 if code & HIGHWAY else 0xDCE0E6)
    if code & SHELF:
        canvas.cell(row, column, 24, 3, 0x2EC4B6 if code & REQUESTED else 0x8D99AE)


cdef inline void draw_robot(Canvas canvas, int row, int column, int direction, bint loaded) noexcept:
    cdef double x = 24 * (column + 0.5), y = 24 * (row + 0.5)
    cdef int right = (direction == 3) - (direction == 2), down = (direction == 1) - (direction == 0)
    canvas.disc(x, y, 8, 0xE07A5F if loaded else 0xFF9F1C)
    canvas.line(x, y, x + 9 * right, y + 9 * down, 3, 0x101820)
