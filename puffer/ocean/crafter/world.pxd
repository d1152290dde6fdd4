# The world of Crafter: its cells, its player, its creatures, and the chunks that keep the creatures in balance.
from libc.stdint cimport int8_t, int16_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from puffer.ocean.crafter.terrain cimport COW, GRASS, NOTHING, PATH, PLANT, PLAYER, SAND, SKELETON, ZOMBIE

cdef enum:
    SIDE = 64, CELLS = 4096, CHUNK = 12, CHUNKS_ACROSS = 6, CHUNKS = 36
    ITEMS = 16, ACHIEVEMENTS = 22
    # More than a player can plant in 10,000 steps, where one blade of grass in ten has a sapling.
    MOST_CREATURES = 1280
    # A cell is a material, and in the bits above it the thing that stands there.
    MATERIAL = 15, THING = 16
    WALKABLE = 1 << GRASS | 1 << PATH | 1 << SAND

cdef enum:
    LEFT, RIGHT, UP, DOWN

cdef enum:
    HEALTH, FOOD, DRINK, ENERGY, SAPLING, WOOD, STONE_ITEM, COAL_ITEM, IRON_ITEM, DIAMOND_ITEM, WOOD_PICKAXE
    STONE_PICKAXE, IRON_PICKAXE, WOOD_SWORD, STONE_SWORD, IRON_SWORD

cdef enum:
    COLLECT_COAL, COLLECT_DIAMOND, COLLECT_DRINK, COLLECT_IRON, COLLECT_SAPLING, COLLECT_STONE, COLLECT_WOOD
    DEFEAT_SKELETON, DEFEAT_ZOMBIE, EAT_COW, EAT_PLANT, MAKE_IRON_PICKAXE, MAKE_IRON_SWORD, MAKE_STONE_PICKAXE
    MAKE_STONE_SWORD, MAKE_WOOD_PICKAXE, MAKE_WOOD_SWORD, PLACE_FURNACE, PLACE_PLANT, PLACE_STONE, PLACE_TABLE, WAKE_UP

cdef struct Player:
    uint8_t x
    uint8_t y
    uint8_t facing
    uint8_t sleeping
    int8_t[16] inventory
    # In halves of a step, because sleep halves most of them.
    int16_t hunger
    int16_t thirst
    int16_t recover
    int16_t fatigue
    # The health after its last turn, and that which the last reward was for.
    int8_t last_health
    int8_t paid_health
    uint16_t[22] achievements
    uint32_t unlocked

cdef struct World:
    Player player
    double daylight
    uint32_t number
    uint32_t step
    uint32_t noise_seed
    uint16_t creatures
    uint8_t gaps
    # Chunks in the order in which something first stood in them.
    uint8_t chunks
    uint8_t[36] chunk_order
    uint64_t chunks_seen
    # By chunk: cells of grass, cells of path; cows, zombies, skeletons.
    uint8_t[36] grass
    uint8_t[36] paths
    uint8_t[36][3] animals
    uint8_t[4096] cells
    # The creatures in the order in which they appeared; NOTHING is a gap. The timer is the cooldown of a zombie, the
    # reload of a skeleton, the age of a plant.
    uint8_t[1280] xs
    uint8_t[1280] ys
    uint8_t[1280] kinds
    uint8_t[1280] healths
    uint16_t[1280] timers


cdef inline int step_x(int direction) noexcept nogil:
    return (direction == RIGHT) - (direction == LEFT)


cdef inline int step_y(int direction) noexcept nogil:
    return (direction == DOWN) - (direction == UP)


cdef inline int look(const World* world, int x, int y) noexcept nogil:
    """The cell at x, y; 0 outside of the world."""
    if (x | y) & ~(SIDE - 1):
        return 0
    return world.cells[x * SIDE + y]


cdef inline bint is_free(const World* world, int x, int y, int materials) noexcept nogil:
    """Whether nothing stands at x, y and the material there is one of these, a set of bits."""
    cdef int cell = look(world, x, y)
    return cell < THING and materials >> cell & 1


cdef inline int chunk_of(int x, int y) noexcept nogil:
    return x // CHUNK * CHUNKS_ACROSS + y // CHUNK


cdef inline void enter_chunk(World* world, int chunk) noexcept nogil:
    if not world.chunks_seen >> chunk & 1 and world.chunks < CHUNKS:
        world.chunks_seen |= <uint64_t>1 << chunk
        world.chunk_order[world.chunks] = chunk
        world.chunks += 1


cdef inline void set_material(World* world, int x, int y, int material) noexcept nogil:
    """Change the material of a cell inside the world; what stands there stays."""
    cdef uint8_t* cell = &world.cells[x * SIDE + y]
    cdef int chunk = chunk_of(x, y), before = cell[0] & MATERIAL
    world.grass[chunk] += (material == GRASS) - (before == GRASS)
    world.paths[chunk] += (material == PATH) - (before == PATH)
    cell[0] = (cell[0] & ~MATERIAL) | material


cdef inline void set_thing(World* world, int x, int y, int thing) noexcept nogil:
    cdef uint8_t* cell = &world.cells[x * SIDE + y]
    cell[0] = (cell[0] & MATERIAL) | thing * THING


cdef inline void count_animal(World* world, int chunk, int kind, int more) noexcept nogil:
    if COW <= kind <= SKELETON:
        world.animals[chunk][kind - COW] += more


cdef inline void add_creature(World* world, int kind, int x, int y, int health) noexcept nogil:
    cdef int k = world.creatures
    if k == MOST_CREATURES:
        return
    world.creatures += 1
    world.xs[k], world.ys[k], world.kinds[k], world.healths[k], world.timers[k] = x, y, kind, health, 0
    set_thing(world, x, y, kind)
    enter_chunk(world, chunk_of(x, y))
    count_animal(world, chunk_of(x, y), kind, 1)


cdef inline void remove_creature(World* world, int k) noexcept nogil:
    set_thing(world, world.xs[k], world.ys[k], NOTHING)
    count_animal(world, chunk_of(world.xs[k], world.ys[k]), world.kinds[k], -1)
    world.kinds[k] = NOTHING
    world.gaps = True


cdef inline void close_gaps(World* world) noexcept nogil:
    cdef int k, kept = 0
    if not world.gaps:
        return
    for k in range(world.creatures):
        if world.kinds[k] != NOTHING:
            world.xs[kept], world.ys[kept], world.kinds[kept] = world.xs[k], world.ys[k], world.kinds[k]
            world.healths[kept], world.timers[kept] = world.healths[k], world.timers[k]
            kept += 1
    world.creatures = kept
    world.gaps = False


cdef inline bint move_creature(World* world, int k, int dx, int dy, int materials) noexcept nogil:
    """Move a creature if the cell is free. Tell whether it is, even if the creature is gone and stays where it was."""
    cdef int x = world.xs[k], y = world.ys[k], kind = world.kinds[k]
    if not is_free(world, x + dx, y + dy, materials):
        return False
    if kind != NOTHING:
        set_thing(world, x, y, NOTHING)
        set_thing(world, x + dx, y + dy, kind)
        world.xs[k], world.ys[k] = x + dx, y + dy
        if chunk_of(x, y) != chunk_of(x + dx, y + dy):
            count_animal(world, chunk_of(x, y), kind, -1)
            count_animal(world, chunk_of(x + dx, y + dy), kind, 1)
            enter_chunk(world, chunk_of(x + dx, y + dy))
    return True


cdef inline int creature_at(const World* world, int x, int y) noexcept nogil:
    """The index of the creature at x, y, or -1."""
    cdef int k
    for k in range(world.creatures):
        if world.xs[k] == x and world.ys[k] == y and world.kinds[k] != NOTHING:
            return k
    return -1


cdef inline int least(int value, int limit) noexcept nogil:
    return value if value < limit else limit


cdef inline int most(int value, int limit) noexcept nogil:
    return value if value > limit else limit


cdef inline bint repair(World* world) noexcept nogil:
    """Count again what follows from the rest. False if that is not a world that the rules can go on from."""
    cdef Player* player = &world.player
    cdef int k, x, y
    cdef uint64_t seen = 0
    if world.creatures > MOST_CREATURES or world.chunks > CHUNKS or player.facing > DOWN or player.sleeping > 1:
        return False
    if player.x >= SIDE or player.y >= SIDE or not 0 <= world.daylight <= 1:
        return False
    for k in range(ITEMS):
        if not 0 <= player.inventory[k] <= 9:
            return False
    memset(world.grass, 0, CHUNKS)
    memset(world.paths, 0, CHUNKS)
    memset(world.animals, 0, 3 * CHUNKS)
    for x in range(SIDE):
        for y in range(SIDE):
            k = world.cells[x * SIDE + y] & MATERIAL
            if not 1 <= k <= 12:
                return False
            world.cells[x * SIDE + y] = 0
            set_material(world, x, y, k)
    set_thing(world, player.x, player.y, PLAYER)
    for k in range(world.creatures):
        x, y = world.xs[k], world.ys[k]
        if x >= SIDE or y >= SIDE or not COW <= world.kinds[k] <= PLANT + 1 or look(world, x, y) >= THING:
            return False
        set_thing(world, x, y, world.kinds[k])
        count_animal(world, chunk_of(x, y), world.kinds[k], 1)
    for k in range(world.chunks):
        if world.chunk_order[k] >= CHUNKS or seen >> world.chunk_order[k] & 1:
            return False
        seen |= <uint64_t>1 << world.chunk_order[k]
    world.chunks_seen, world.gaps = seen, False
    return True
