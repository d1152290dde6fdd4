# New worlds, and the light of the day.
from libc.math cimport cos, exp, fabs, fmod, pow
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset

from puffer.ocean.crafter._simplex cimport shuffle
from puffer.ocean.crafter.terrain cimport (
    FIELD_ROW, Ground, Height, NEARNESS, NEAR_FIRST, NEAR_LAST, NOISES, NOTHING, PLAYER, TUNNEL, ZOMBIE, animal_of,
    distance_to, field_at, is_sure_height, make_fields, material_of, noise, set_exact_height,
)
from puffer.ocean.crafter.world cimport (
    DOWN, ENERGY, HEALTH, MATERIAL, SIDE, World, add_creature, chunk_of, enter_chunk, set_material, set_thing,
)
from puffer.rng cimport rng_below, rng_bits, rng_float, rng_seed, rng_t

cdef enum:
    # The player starts here, in the middle.
    MIDDLE = 32
    MOST_WORLDS = 2147483647


cdef inline double daylight_at(int64_t step) noexcept nogil:
    """The light from 0 to 1 at a step of the episode. A day has 300 steps."""
    return 1 - pow(fabs(cos(3.141592653589793 * (fmod(step / 300.0, 1) + 0.3))), 3)


cdef inline double draw_float(void* stream) noexcept nogil:
    return rng_float(<rng_t*>stream)


cdef inline void begin(World* world, uint32_t number) noexcept nogil:
    """Begin an episode in the world with this number, which decides its ground and its first animals."""
    cdef rng_t rng
    memset(world, 0, sizeof(World))
    rng_seed(&rng, number, 0)
    world.number = number
    world.daylight = daylight_at(0)
    world.noise_seed = rng_bits(&rng)
    world.player.x = world.player.y = MIDDLE
    world.player.facing = DOWN
    for k in range(HEALTH, ENERGY + 1):
        world.player.inventory[k] = 9
    world.player.last_health = world.player.paid_health = 9
    make_ground(world, &rng)
    set_thing(world, MIDDLE, MIDDLE, PLAYER)
    enter_chunk(world, chunk_of(MIDDLE, MIDDLE))
    add_animals(world, &rng)


cdef inline double closeness(double distance, double bumps) noexcept nogil:
    return 1 / (1 + exp(-(4 - distance + 2 * bumps)))


cdef inline void make_ground(World* world, rng_t* rng) noexcept nogil:
    cdef uint8_t[256] permutation
    # As many as NOISES * SIDE * FIELD_ROW.
    cdef float[59904] fields
    cdef Ground ground = Ground(&permutation[0], draw_float, rng, &fields[0])
    cdef Height height
    cdef double start, distance
    cdef int x, y
    shuffle(permutation, rng_below(rng, MOST_WORLDS))
    make_fields(permutation, fields)
    for x in range(SIDE):
        for y in range(SIDE):
            start, distance = 0, distance_to(x, y, MIDDLE, MIDDLE)
            if NEAR_FIRST <= x <= NEAR_LAST and NEAR_FIRST <= y <= NEAR_LAST:
                start = closeness(distance, field_at(&ground, NEARNESS, x, y))
            if not is_sure_height(&ground, x, y, start, &height):
                set_exact_height(&ground, x, y, closeness(distance, noise(&ground, NEARNESS, x, y)), &height)
            world.cells[x * SIDE + y] = material_of(&ground, &height, x, y)


cdef inline void add_animals(World* world, rng_t* rng) noexcept nogil:
    cdef Ground ground = Ground(NULL, draw_float, rng, NULL)
    cdef int x, y, material, animal
    for x in range(SIDE):
        for y in range(SIDE):
            material = world.cells[x * SIDE + y] & (TUNNEL | MATERIAL)
            animal = animal_of(&ground, material, distance_to(x, y, MIDDLE, MIDDLE))
            world.cells[x * SIDE + y] &= ~TUNNEL & ~MATERIAL
            set_material(world, x, y, material & MATERIAL)
            if animal != NOTHING:
                add_creature(world, animal, x, y, 5 if animal == ZOMBIE else 3)
