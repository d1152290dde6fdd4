# Pictures of the field of level-based foraging, and the field as text.
from puffer._core cimport Canvas

cdef enum:
    # Pixels of a cell's side.
    TILE = 36


cdef inline int draw_field(Canvas canvas, dict state) except -1:
    """The field of a copy, from its state: foods are red, players blue, with their levels."""
    cdef int row, column, rows = state["field"].shape[0], columns = state["field"].shape[1], level
    canvas.clear(0xC9CED6)
    for row in range(rows):
        for column in range(columns):
            canvas.cell(row, column, TILE, 0.5, 0xF4F1EA)
            level = state["field"][row, column]
            if level:
                draw_thing(canvas, row, column, level, 0xC4483E)
    for row, column, level in state["players"].tolist():
        draw_thing(canvas, row, column, level, 0x3D5A80)
    return 0


cdef inline void draw_thing(Canvas canvas, int row, int column, int level, unsigned int colour):
    text = str(level).encode()
    canvas.disc(TILE * (column + 0.5), TILE * (row + 0.5), 0.4 * TILE, colour)
    canvas.text(TILE * (column + 0.5) - 4.5 * len(text), TILE * (row + 0.5) - 8, 16, text, 0xFFFFFF)


cdef inline str write_field(dict state):
    """A state as text, two characters a cell: f and the level of a food, or P and the level of a player."""
    board = [[f"f{level % 10}" if level else " ." for level in row] for row in state["field"].tolist()]
    for row, column, level in state["players"].tolist():
        board[row][column] = f"P{level % 10}"
    return "\n".join([" ".join(row) for row in board])
