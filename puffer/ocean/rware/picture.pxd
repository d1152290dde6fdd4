# Pictures of the robot warehouse, and its floor as text.
from puffer._core cimport Canvas
from puffer.ocean.rware.floor cimport goal_cells

cdef enum:
    # Pixels of a cell's side.
    TILE = 24


cdef inline int draw_floor(Canvas canvas, dict state) except -1:
    """The floor of a copy, from its state."""
    cdef int row, column, shelf
    goals = goal_cells(state["highways"])
    canvas.clear(0xC9CED6)
    for row in range(state["highways"].shape[0]):
        for column in range(state["highways"].shape[1]):
            ground = 0xEEF0F3 if state["highways"][row, column] else 0xDCE0E6
            canvas.cell(row, column, TILE, 0.5, 0x3D405B if (row, column) in goals else ground)
            shelf = state["shelves"][row, column]
            if shelf:
                canvas.cell(row, column, TILE, 3, 0x2EC4B6 if shelf == 2 else 0x8D99AE)
    for x, y, direction, loaded, _ in state["robots"]:
        draw_robot(canvas, y, x, direction, loaded)
    return 0


cdef inline void draw_robot(Canvas canvas, int row, int column, int direction, bint loaded) noexcept:
    cdef double x = TILE * (column + 0.5), y = TILE * (row + 0.5)
    cdef int right = (direction == 3) - (direction == 2), down = (direction == 1) - (direction == 0)
    canvas.disc(x, y, 8, 0xE07A5F if loaded else 0xFF9F1C)
    canvas.line(x, y, x + 9 * right, y + 9 * down, 3, 0x101820)


cdef inline str write_floor(dict state):
    """A state as text, two characters a cell: where the robot faces; the shelf, as a small letter if it is carried."""
    import numpy as np
    board = np.where(state["highways"], ord("."), ord("_"))
    for goal in goal_cells(state["highways"]):
        board[goal] = ord("G")
    board[state["shelves"] == 1] = ord("S")
    board[state["shelves"] == 2] = ord("R")
    facing = np.full_like(board, ord(" "))
    for x, y, direction, loaded, _ in state["robots"]:
        facing[y, x] = ord("^v<>"[direction])
        board[y, x] += 32 * loaded
    lines = np.stack([facing, board], axis=2).reshape(len(board), -1)
    return "\n".join(["".join(map(chr, line)) for line in lines])
