# The two observations of Overcooked: planes, and a vector of features.
from libc.stdint cimport int16_t, uint8_t
from libc.string cimport memcpy, memset

from puffer.ocean.overcooked.kitchen cimport (
    COUNTER, Cook, DISH, DISHES, Kitchen, MOST_INGREDIENTS, NOTHING, ONION, ONIONS, POT, SERVING, SOUP, TOMATO,
    TOMATOES, ingredients_of, is_ready,
)

cdef enum:
    # Planes that do not depend on the number of cooks: where the kinds of terrain are, where objects are, and the end.
    COMMON_PLANES = 16, PLANES_OF_COOK = 5
    IN_POT = 6, IN_SOUP = 8, TIME_LEFT = 10, DONE = 11
    DISH_PLANE = 12, ONION_PLANE = 13, TOMATO_PLANE = 14, URGENCY = 15
    # Steps before the end in which urgency is 1.
    URGENT = 40
    # Of a place in the table of the features: dx, dy of onions, tomatoes, dishes and serving, walls; of a pot, its
    # number or -1, dx, dy.
    NEAR = 12, NEAR_POT = 3
    # Features of a cook, but for those of pots, and of a pot.
    OF_COOK = 26, OF_POT = 10


# ---- Planes: uint8, cell by cell. `planes` is the number of planes, and what a cell has in its row. ----

cdef inline object blank_planes(object terrain, int cooks):
    """The planes of a kitchen without cooks and objects, as all its cooks see them: uint8 (width, height, planes)."""
    import numpy as np
    first = PLANES_OF_COOK * cooks
    planes = np.zeros((*terrain.shape, first + COMMON_PLANES), np.uint8)
    for k, kind in enumerate((POT, COUNTER, ONIONS, TOMATOES, DISHES, SERVING)):
        planes[..., first + k] = terrain == kind
    return planes


cdef inline void see_planes(const Kitchen* kitchen, const uint8_t* blank, const uint8_t* objects, const uint8_t* ticks,
                            const Cook* cooks, bint urgent, uint8_t* row) noexcept nogil:
    """Write the planes of all cooks of a kitchen."""
    cdef int n = kitchen.cooks, planes = PLANES_OF_COOK * n + COMMON_PLANES, size = kitchen.cells * planes
    cdef int k, other, turn, cell
    cdef uint8_t* first = row
    memcpy(row, blank, size)
    row += PLANES_OF_COOK * n
    for cell in range(kitchen.cells):
        if objects[cell]:
            see_object(kitchen, objects[cell], ticks[cell], row[cell * planes] == 0, row + cell * planes)
    for k in range(n):
        if cooks[k].held:
            see_object(kitchen, cooks[k].held, 0, True, row + cooks[k].cell * planes)
    if urgent:
        for cell in range(kitchen.cells):
            row[cell * planes + URGENCY] = 1
    for k in range(1, n):
        memcpy(first + k * size, first, size)
    # A cook sees itself first, then the others in their order.
    for k in range(n):
        for other in range(n):
            turn = 0 if other == k else other + (other < k)
            row = first + k * size + cooks[other].cell * planes
            row[turn] = row[n + 4 * turn + cooks[other].facing] = 1


cdef inline void see_object(const Kitchen* kitchen, int code, int tick, bint is_served, uint8_t* cell) noexcept nogil:
    """Write an object into the planes of its cell, from the first common one on; soups outside of pots are served."""
    cdef int place
    if code < SOUP:
        cell[ONION_PLANE if code == ONION else TOMATO_PLANE if code == TOMATO else DISH_PLANE] = 1
        return
    place = IN_POT if tick == 0 and not is_served else IN_SOUP
    cell[place], cell[place + 1] = code & 3, code >> 2 & 3
    if is_served:
        cell[DONE] = 1
    elif tick:
        cell[TIME_LEFT] = kitchen.times[code & 15] + 1 - tick
        cell[DONE] = is_ready(kitchen, code, tick)


# ---- Features: float32 ----

cdef inline object distances(object terrain, int x, int y, int facing):
    """Steps and turns from a place to every other one, by cell and direction: int (width, height, 4), -1 if none."""
    import numpy as np
    far = np.full((*terrain.shape, 4), -1, np.int64)
    far[x, y, facing] = 0
    waiting = [(x, y, facing)]
    for x, y, facing in waiting:
        for turn, (dx, dy) in enumerate(((0, -1), (0, 1), (1, 0), (-1, 0))):
            after = (x + dx, y + dy, turn) if terrain[x + dx, y + dy] == 0 else (x, y, turn)
            if far[after] < 0:
                far[after] = far[x, y, facing] + 1
                waiting.append(after)
    return far


cdef inline object nearest(object terrain, object far, list places):
    """The first of the places (x, y) of those that a cook needs the fewest steps to face, or None."""
    best, least = None, None
    for x, y in places:
        for turn, (dx, dy) in enumerate(((0, -1), (0, 1), (1, 0), (-1, 0))):
            at = x - dx, y - dy
            inside = 0 <= at[0] < terrain.shape[0] and 0 <= at[1] < terrain.shape[1]
            if inside and terrain[at] == 0 and far[(*at, turn)] >= 0 and (best is None or far[(*at, turn)] < least):
                best, least = (x, y), far[(*at, turn)]
    return best


cdef inline object near_places(object terrain, int num_pots):
    """The table of the nearest places: int16 (cells * 4, NEAR + NEAR_POT * num_pots), by cell and direction."""
    import numpy as np
    width, height = terrain.shape
    places = {kind: [(x, y) for y in range(height) for x in range(width) if terrain[x, y] == kind]
              for kind in (ONIONS, TOMATOES, DISHES, SERVING, POT)}
    table = np.zeros((width * height * 4, NEAR + NEAR_POT * num_pots), np.int16)
    for x, y in np.argwhere(terrain == 0).tolist():
        for facing in range(4):
            far, row = distances(terrain, x, y, facing), table[(x * height + y) * 4 + facing]
            for k, kind in enumerate((ONIONS, TOMATOES, DISHES, SERVING)):
                place = nearest(terrain, far, places[kind])
                row[2 * k:2 * k + 2] = (0, 0) if place is None else (place[0] - x, place[1] - y)
            row[8:12] = [terrain[x, y - 1] != 0, terrain[x, y + 1] != 0, terrain[x + 1, y] != 0, terrain[x - 1, y] != 0]
            pots = places[POT].copy()
            for k in range(num_pots):
                pot = nearest(terrain, far, pots)
                row[NEAR + 3 * k] = -1
                if pot is not None:
                    pots.remove(pot)
                    row[NEAR + 3 * k:NEAR + 3 * k + 3] = pot[0] * height + pot[1], pot[0] - x, pot[1] - y
    return table


cdef inline int features_of_cook(int num_pots) noexcept nogil:
    return OF_COOK + OF_POT * num_pots


cdef inline void see_features(const Kitchen* kitchen, const int16_t* near, int num_pots, const uint8_t* objects,
                              const uint8_t* ticks, const Cook* cooks, float* row) noexcept nogil:
    """Write the features of all cooks of a kitchen."""
    cdef int n = kitchen.cooks, own = features_of_cook(num_pots), size = n * own + 2 * n, k, other
    cdef int width = NEAR + NEAR_POT * num_pots, x, y
    cdef float* rest
    for k in range(n):
        see_own_features(kitchen, near + (cooks[k].cell * 4 + cooks[k].facing) * width, num_pots, objects, ticks,
                         &cooks[k], row + k * size)
    for k in range(n):
        rest = row + k * size + own
        x, y = cooks[k].cell // kitchen.height, cooks[k].cell % kitchen.height
        for other in range(n):
            if other != k:
                memcpy(rest, row + other * size, own * sizeof(float))
                rest += own
        for other in range(n):
            if other != k:
                rest[0] = cooks[other].cell // kitchen.height - x
                rest[1] = cooks[other].cell % kitchen.height - y
                rest += 2
        rest[0], rest[1] = x, y


cdef inline void see_own_features(const Kitchen* kitchen, const int16_t* near, int num_pots, const uint8_t* objects,
                                  const uint8_t* ticks, const Cook* cook, float* row) noexcept nogil:
    cdef int held = cook.held, k, soup, tick, ready
    cdef const int16_t* pot
    memset(row, 0, features_of_cook(num_pots) * sizeof(float))
    row[cook.facing] = 1
    if held:
        row[4 if held == ONION else 5 if held >= SOUP else 6 if held == DISH else 7] = 1
    # A cook who holds a thing has no way to it.
    if held != ONION:
        row[8], row[9] = near[0], near[1]
    if held != TOMATO:
        row[10], row[11] = near[2], near[3]
    if held != DISH:
        row[12], row[13] = near[4], near[5]
    if held >= SOUP:
        row[16], row[17] = held & 3, held >> 2 & 3
    row[18], row[19] = near[6], near[7]
    row += 22
    for k in range(num_pots):
        pot = near + NEAR + NEAR_POT * k
        if pot[0] >= 0:
            soup, tick = objects[pot[0]], ticks[pot[0]]
            ready = soup and is_ready(kitchen, soup, tick)
            row[0] = 1
            row[1] = soup == NOTHING
            row[2] = tick > 0 or ingredients_of(soup) == MOST_INGREDIENTS
            row[3] = tick > 0 and not ready
            row[4] = ready
            row[5], row[6] = soup & 3, soup >> 2 & 3
            row[7] = kitchen.times[soup & 15] + 1 - tick if tick else 0
            row[8], row[9] = pot[1], pot[2]
        row += OF_POT
    for k in range(4):
        row[k] = near[8 + k]
