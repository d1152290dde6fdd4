# Pictures of Battle, and the map as text.
from puffer._core cimport Canvas
from puffer.ocean.battle.armies cimport ACROSS, ACTIONS, ALIVE, ATTACK, Armies, DOWN, World

cdef enum:
    # Pixels of a cell's side.
    TILE = 10


cdef inline int draw_armies(Canvas canvas, const World* world, const Armies* a, object walls) except -1:
    """Red and blue agents, the paler the less health they have, and attacks as lines to where they go."""
    cdef int k, x, y, target_x, target_y
    canvas.clear(0xF4F1EA)
    for y, x in zip(*walls.nonzero()):
        canvas.cell(y, x, TILE, 0, 0x5C677D)
    for k in range(world.agents):
        if a.status[k] == ALIVE:
            canvas.disc(TILE * (a.x[k] + 0.5), TILE * (a.y[k] + 0.5), 0.42 * TILE, paint(k < world.red, a.fraction[k]))
    for k in range(world.agents):
        if a.status[k] == ALIVE and ATTACK <= a.action[k] < ACTIONS:
            x, y = a.x[k], a.y[k]
            target_x, target_y = x + ACROSS[a.action[k]], y + DOWN[a.action[k]]
            canvas.line(TILE * (x + 0.5), TILE * (y + 0.5), TILE * (target_x + 0.5), TILE * (target_y + 0.5), 2,
                        0x8C1C13 if k < world.red else 0x14213D)
    return 0


cdef inline unsigned int paint(bint is_red, float fraction) noexcept:
    """The colour of an agent, from a third of it on the ground's colour to all of it."""
    cdef unsigned int full = 0xC4483E if is_red else 0x3D5A80, ground = 0xF4F1EA, colour = 0
    cdef float share = 0.3 + 0.7 * min(max(fraction, 0), 1)
    cdef int shift
    for shift in range(0, 24, 8):
        colour |= <unsigned int>(share * (full >> shift & 255) + (1 - share) * (ground >> shift & 255)) << shift
    return colour


cdef inline str write_armies(const World* world, const Armies* a, object walls):
    """The map as text: walls are #, agents r and b, or R and B with at least half of their health."""
    cdef int k
    rows = [["#" if wall else "." for wall in row] for row in walls.tolist()]
    for k in range(world.agents):
        if a.status[k] == ALIVE:
            sign = "r" if k < world.red else "b"
            rows[a.y[k]][a.x[k]] = sign.upper() if a.fraction[k] >= 0.5 else sign
    return "\n".join(["".join(row) for row in rows])
