# The turns of cows, zombies, skeletons, arrows and plants, and the balance of how many there are.
from puffer.ocean.crafter.player cimport harm_player
from puffer.ocean.crafter.terrain cimport (
    ARROW_DOWN, ARROW_LEFT, COW, FURNACE, GRASS, LAVA, NOTHING, PATH, PLANT, PLAYER, RIPE_PLANT, SKELETON, TABLE, WATER,
    ZOMBIE,
)
from puffer.ocean.crafter.world cimport *
from puffer.rng cimport rng_below, rng_float, rng_t

cdef enum:
    # Creatures nearer than this to the player have turns.
    NEAR = 18
    # Steps after which a plant is ripe, and after which a zombie strikes and a skeleton shoots again.
    RIPE = 300, COOLDOWN = 5, RELOAD = 4


cdef inline int distance_between(int x, int y, int other_x, int other_y) noexcept nogil:
    return abs(x - other_x) + abs(y - other_y)


cdef inline int distance_to_player(const World* world, int k) noexcept nogil:
    return distance_between(world.xs[k], world.ys[k], world.player.x, world.player.y)


cdef inline int toward(const World* world, int k, bint along_long_axis, int* dx) noexcept nogil:
    """The step towards the player along the axis of the longer or the shorter way: dx, and what is returned is dy."""
    cdef int far_x = world.player.x - world.xs[k], far_y = world.player.y - world.ys[k]
    dx[0] = 0
    if (abs(far_x) > abs(far_y)) == along_long_axis:
        dx[0] = (far_x > 0) - (far_x < 0)
        return 0
    return (far_y > 0) - (far_y < 0)


cdef inline void wander(World* world, int k, rng_t* rng) noexcept nogil:
    cdef int direction = rng_below(rng, 4)
    move_creature(world, k, step_x(direction), step_y(direction), WALKABLE)


cdef inline void step_creatures(World* world, int count, rng_t* rng) noexcept nogil:
    """The turns of the first `count` creatures. One that has died acts a last time."""
    cdef uint8_t[1280] near
    cdef int k, x = world.player.x, y = world.player.y
    for k in range(count):
        near[k] = abs(world.xs[k] - x) + abs(world.ys[k] - y) < NEAR
    for k in range(count):
        if near[k]:
            step_creature(world, k, rng)


cdef inline void step_creature(World* world, int k, rng_t* rng) noexcept nogil:
    cdef int kind = world.kinds[k]
    if ARROW_LEFT <= kind <= ARROW_DOWN:
        step_arrow(world, k, kind - ARROW_LEFT)
    elif kind >= PLANT:
        step_plant(world, k)
    else:
        if world.healths[k] == 0:
            remove_creature(world, k)
        if kind == COW:
            if rng_float(rng) < 0.5:
                wander(world, k, rng)
        elif kind == ZOMBIE:
            step_zombie(world, k, rng)
        elif kind == SKELETON:
            step_skeleton(world, k, rng)


cdef inline void step_zombie(World* world, int k, rng_t* rng) noexcept nogil:
    cdef int dx, dy
    if distance_to_player(world, k) <= 8 and rng_float(rng) < 0.9:
        dy = toward(world, k, rng_float(rng) < 0.8, &dx)
        move_creature(world, k, dx, dy, WALKABLE)
    else:
        wander(world, k, rng)
    if distance_to_player(world, k) <= 1:
        if world.timers[k]:
            world.timers[k] -= 1
        else:
            harm_player(world, 7 if world.player.sleeping else 2)
            world.timers[k] = COOLDOWN


cdef inline void step_skeleton(World* world, int k, rng_t* rng) noexcept nogil:
    cdef int dx, dy, distance = distance_to_player(world, k)
    world.timers[k] -= world.timers[k] > 0
    if distance <= 3:
        dy = toward(world, k, rng_float(rng) < 0.6, &dx)
        if move_creature(world, k, -dx, -dy, WALKABLE):
            return
    if distance <= 5 and rng_float(rng) < 0.5:
        dy = toward(world, k, True, &dx)
        shoot(world, k, dx, dy)
    elif distance <= 8 and rng_float(rng) < 0.3:
        dy = toward(world, k, rng_float(rng) < 0.6, &dx)
        move_creature(world, k, dx, dy, WALKABLE)
    elif rng_float(rng) < 0.2:
        wander(world, k, rng)


cdef inline void shoot(World* world, int k, int dx, int dy) noexcept nogil:
    cdef int x = world.xs[k] + dx, y = world.ys[k] + dy, direction = RIGHT if dx > 0 else LEFT
    if world.timers[k] or (dx == 0 and dy == 0) or not is_free(world, x, y, WALKABLE | 1 << WATER | 1 << LAVA):
        return
    if dy:
        direction = DOWN if dy > 0 else UP
    add_creature(world, ARROW_LEFT + direction, x, y, 0)
    world.timers[k] = RELOAD


cdef inline void step_arrow(World* world, int k, int direction) noexcept nogil:
    cdef int dx = step_x(direction), dy = step_y(direction), x = world.xs[k] + dx, y = world.ys[k] + dy
    cdef int cell = look(world, x, y), hit
    if cell >= THING:
        hit = creature_at(world, x, y)
        if cell // THING == PLAYER:
            harm_player(world, 2)
        elif hit >= 0:
            world.healths[hit] = most(0, world.healths[hit] - 2)
        remove_creature(world, k)
    elif not move_creature(world, k, dx, dy, WALKABLE | 1 << WATER | 1 << LAVA):
        remove_creature(world, k)
        if cell == TABLE or cell == FURNACE:
            set_material(world, x, y, PATH)


cdef inline void step_plant(World* world, int k) noexcept nogil:
    cdef int x = world.xs[k], y = world.ys[k], direction
    if world.timers[k] <= RIPE:
        world.timers[k] += 1
        if world.timers[k] > RIPE:
            world.kinds[k] = RIPE_PLANT
            set_thing(world, x, y, RIPE_PLANT)
    for direction in range(4):
        if COW <= look(world, x + step_x(direction), y + step_y(direction)) // THING <= SKELETON:
            world.healths[k] = 0
    if world.healths[k] == 0:
        remove_creature(world, k)


# ---- Balance ----

cdef inline void balance(World* world, rng_t* rng) noexcept nogil:
    """Let animals appear and vanish, chunk by chunk."""
    cdef int k, chunk
    cdef double dark = 3.5 - 3 * world.daylight, light = 1.5 + world.daylight
    for k in range(world.chunks):
        chunk = world.chunk_order[k]
        balance_kind(world, rng, chunk, ZOMBIE, GRASS, 6, 0, 0.3, 0.4, 0 if world.grass[chunk] < 50 else dark, dark)
        balance_kind(world, rng, chunk, SKELETON, PATH, 7, 7, 0.1, 0.1, 0 if world.paths[chunk] < 6 else 1, 2)
        balance_kind(world, rng, chunk, COW, GRASS, 5, 5, 0.01, 0.1, 0 if world.grass[chunk] < 30 else 1, light)


cdef inline void balance_kind(World* world, rng_t* rng, int chunk, int kind, int material, int span, int despan,
                              double appears, double vanishes, double fewest, double most_of_them) noexcept nogil:
    """Balance the animals of a kind, which appear and vanish at a distance from the player."""
    cdef int k, count = world.animals[chunk][kind - COW], cells, cell
    if count < <int>fewest and rng_float(rng) < appears:
        cells = world.grass[chunk] if material == GRASS else world.paths[chunk]
        cell = nth_cell(world, chunk, material, rng_below(rng, most(cells, 1)))
        if cell >= 0 and world.cells[cell] < THING and distance_between(
                cell // SIDE, cell % SIDE, world.player.x, world.player.y) >= span:
            add_creature(world, kind, cell // SIDE, cell % SIDE, 5 if kind == ZOMBIE else 3)
    elif count > <int>most_of_them and rng_float(rng) < vanishes:
        k = nth_animal(world, chunk, kind, rng_below(rng, count))
        if k >= 0 and distance_to_player(world, k) >= despan:
            remove_creature(world, k)


cdef inline int nth_cell(const World* world, int chunk, int material, int number) noexcept nogil:
    cdef int x, y, left = chunk // CHUNKS_ACROSS * CHUNK, top = chunk % CHUNKS_ACROSS * CHUNK
    for x in range(left, least(left + CHUNK, SIDE)):
        for y in range(top, least(top + CHUNK, SIDE)):
            if world.cells[x * SIDE + y] & MATERIAL == material:
                if number == 0:
                    return x * SIDE + y
                number -= 1
    return -1


cdef inline int nth_animal(const World* world, int chunk, int kind, int number) noexcept nogil:
    cdef int k
    for k in range(world.creatures):
        if world.kinds[k] == kind and chunk_of(world.xs[k], world.ys[k]) == chunk:
            if number == 0:
                return k
            number -= 1
    return -1
