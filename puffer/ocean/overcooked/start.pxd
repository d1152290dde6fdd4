# The start of an episode of Overcooked.
from libc.stdint cimport int16_t, uint8_t
from libc.string cimport memset

from puffer.ocean.overcooked.kitchen cimport Cook, DISH, Kitchen, NORTH, NOTHING, ONION, SOUP
from puffer.rng cimport rng_below, rng_chance, rng_t


cdef inline void start(const Kitchen* kitchen, const int16_t* floor, int size, bint anywhere, double chance, rng_t* rng,
                       uint8_t* objects, uint8_t* ticks, Cook* cooks) noexcept nogil:
    """Begin an episode: `floor` has the cells where cooks may be, who are at random ones if `anywhere`.

    With a chance each, pots and hands have something in them, and such pots are on.
    """
    cdef int k, other
    cdef bint taken
    memset(objects, NOTHING, kitchen.cells)
    memset(ticks, 0, kitchen.cells)
    for k in range(kitchen.cooks):
        cooks[k] = Cook(cell=kitchen.starts[k], facing=NORTH, held=NOTHING)
        taken = anywhere
        while taken:
            cooks[k].cell = floor[rng_below(rng, size)]
            taken = False
            for other in range(k):
                taken |= cooks[other].cell == cooks[k].cell
    if chance > 0:
        for k in range(kitchen.pots):
            if rng_chance(rng, chance):
                objects[kitchen.pot_cells[k]] = random_soup(rng)
                ticks[kitchen.pot_cells[k]] = rng_chance(rng, chance)
        for k in range(kitchen.cooks):
            if rng_chance(rng, chance):
                cooks[k].held = random_object(rng)


cdef inline int random_soup(rng_t* rng) noexcept nogil:
    """One to three onions, and no more tomatoes than there is room for."""
    cdef int onions = 1 + rng_below(rng, 3)
    return SOUP + onions + 4 * rng_below(rng, 4 - onions)


cdef inline int random_object(rng_t* rng) noexcept nogil:
    """A dish or a soup, each with a chance of a fifth, or an onion."""
    cdef int number = rng_below(rng, 5)
    return DISH if number == 0 else random_soup(rng) if number == 1 else ONION
