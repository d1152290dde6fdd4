# Pictures of Overcooked's kitchens, and the kitchen as text.
from puffer._core cimport Canvas
from puffer.ocean.overcooked.kitchen cimport DISH, ONION, POT, SOUP, TOMATO

cdef enum:
    # Pixels of a cell's side.
    TILE = 40


cdef inline int draw_kitchen(Canvas canvas, dict state) except -1:
    """The kitchen of a copy, from its state."""
    cdef int x, y, code, kind
    grounds = (0xF4F1EA, 0xC9A27A, 0xE9C46A, 0xE76F51, 0xD8DEE9, 0x3D405B, 0x81B29A)
    canvas.clear(0x8D7356)
    for x in range(state["terrain"].shape[0]):
        for y in range(state["terrain"].shape[1]):
            kind, code = state["terrain"][x, y], state["objects"][x, y]
            canvas.cell(y, x, TILE, 0.5, grounds[kind])
            if kind == POT:
                canvas.disc(TILE * (x + 0.5), TILE * (y + 0.5), 0.42 * TILE, 0x101820)
            draw_object(canvas, TILE * (x + 0.5), TILE * (y + 0.5), 0.36 * TILE, code)
            if state["ticks"][x, y]:
                canvas.text(TILE * (x + 0.5) - 8, TILE * (y + 0.5) - 7, 14, str(state["ticks"][x, y] - 1).encode(),
                            0xFFFFFF)
    for k, (x, y, facing, code) in enumerate(state["cooks"].tolist()):
        draw_cook(canvas, TILE * (x + 0.5), TILE * (y + 0.5), facing, code, (0x3A86FF, 0x2A9D4B, 0x9B5DE5, 0xF15BB5)[k])
    return 0


cdef inline void draw_cook(Canvas canvas, double x, double y, int facing, int held, unsigned int colour) noexcept:
    cdef double right = (facing == 2) - (facing == 3), down = (facing == 1) - (facing == 0)
    canvas.disc(x, y, 0.38 * TILE, colour)
    canvas.disc(x + 0.26 * TILE * right, y + 0.26 * TILE * down, 0.1 * TILE, 0x101820)
    draw_object(canvas, x, y, 0.2 * TILE, held)


cdef inline void draw_object(Canvas canvas, double x, double y, double size, int code) noexcept:
    cdef int k, onions = code & 3, tomatoes = code >> 2 & 3
    cdef double side
    if code == ONION or code == TOMATO:
        canvas.disc(x, y, 0.7 * size, 0xF2A541 if code == ONION else 0xC4483E)
    elif code == DISH:
        canvas.disc(x, y, size, 0xFFFFFF)
        canvas.disc(x, y, 0.6 * size, 0xC9CED6)
    elif code >= SOUP:
        canvas.disc(x, y, size, 0xFFFFFF)
        for k in range(onions + tomatoes):
            side = 0.4 * size
            canvas.disc(x + side * (k % 2 * 2 - 1) * (k < 2), y + side * (1 if k == 2 else -0.5), side,
                        0xF2A541 if k < onions else 0xC4483E)


cdef inline str write_kitchen(dict state):
    """A state as text, three characters a cell: the terrain or where a cook faces; what is there; of a pot, how long.

    o is an onion, t a tomato, d a dish; a soup is the number of its ingredients.
    """
    width, height = state["terrain"].shape
    board = [[" XOTDPS"[state["terrain"][x, y]] + object_sign(state["objects"][x, y]) for x in range(width)]
             for y in range(height)]
    for x, y, facing, held in state["cooks"].tolist():
        board[y][x] = "^v><"[facing] + object_sign(held)
    for x, y in zip(*state["ticks"].nonzero(), strict=True):
        board[y][x] += chr(ord("a") + min(int(state["ticks"][x, y]) - 1, 25))
    return "\n".join(["".join([cell.ljust(3) for cell in row]).rstrip() for row in board])


cdef inline str object_sign(int code):
    return str((code & 3) + (code >> 2 & 3)) if code >= SOUP else " otd"[code]
