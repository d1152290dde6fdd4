# The kitchen of Overcooked: its cooks and objects, and the rules by which these change.
from libc.stdint cimport int16_t, int32_t, uint8_t, uint32_t

cdef enum terrain_t:
    FLOOR, COUNTER, ONIONS, TOMATOES, DISHES, POT, SERVING

# An action; the first four are also the directions in which a cook can face.
cdef enum action_t:
    NORTH, SOUTH, EAST, WEST, STAY, INTERACT

cdef enum:
    # An object in a cell or a hand. A soup is SOUP + onions + 4 * tomatoes, with one to three of them.
    NOTHING = 0, ONION = 1, TOMATO = 2, DISH = 3, SOUP = 16, MOST_INGREDIENTS = 3
    MOST_COOKS = 4, MOST_POTS = 16

cdef struct Cook:
    int16_t cell
    uint8_t facing
    uint8_t held

# What all copies share. Cells are numbered column by column from the left: column * height + row.
cdef struct Kitchen:
    int width
    int height
    int cells
    int cooks
    int pots
    int16_t[16] pot_cells
    int16_t[4] starts
    # By action, the cells that a step leads on.
    int16_t[6] ways
    # By recipe, onions + 4 * tomatoes: the reward for serving the soup, and the steps that it cooks.
    float[16] values
    uint8_t[16] times
    # Shaped rewards: for an ingredient in a pot, for a dish that will be of use, for a soup from a pot.
    float placement
    float dish
    float soup

# What the interactions of a step pay, and whether a pot that holds something will need a dish.
cdef struct Turn:
    float sparse
    float[4] shaped
    uint8_t[4] served
    int promising


cdef inline int ingredients_of(int soup) noexcept nogil:
    return (soup & 3) + (soup >> 2 & 3)


cdef inline bint is_ready(const Kitchen* kitchen, int soup, int tick) noexcept nogil:
    """Whether a soup is cooked. Its tick is 0 before the pot is switched on, 1 when it is, one more after each step."""
    return tick > kitchen.times[soup & 15]


cdef inline int count_promising(const Kitchen* kitchen, const uint8_t* objects, const uint8_t* ticks) noexcept nogil:
    """Count the pots with something in them, but for full ones that nobody has switched on."""
    cdef int k, cell, count = 0
    for k in range(kitchen.pots):
        cell = kitchen.pot_cells[k]
        if objects[cell] != NOTHING and (ticks[cell] > 0 or ingredients_of(objects[cell]) < MOST_INGREDIENTS):
            count += 1
    return count


cdef inline bint is_dish_useful(const Kitchen* kitchen, const uint8_t* terrain, const uint8_t* objects,
                                const Cook* cooks, int promising) noexcept nogil:
    """Whether a dish pays that is taken now: two cooks, no dish on a counter, fewer in hands than pots need."""
    cdef int cell
    if kitchen.cooks != 2 or (cooks[0].held == DISH) + (cooks[1].held == DISH) >= promising:
        return False
    for cell in range(kitchen.cells):
        if objects[cell] == DISH:
            return False
    return True


cdef inline void interact(const Kitchen* kitchen, const uint8_t* terrain, uint8_t* objects, uint8_t* ticks,
                          Cook* cooks, int k, Turn* turn) noexcept nogil:
    """The cook `k` acts on what it faces."""
    cdef Cook* cook = &cooks[k]
    cdef int cell = cook.cell + kitchen.ways[cook.facing], held = cook.held, there = objects[cell]
    cdef int kind = terrain[cell]
    if kind == COUNTER:
        if (held == NOTHING) != (there == NOTHING):
            cook.held, objects[cell] = there, held
    elif kind == POT:
        use_pot(kitchen, objects, ticks, cook, cell, k, turn)
    elif kind == SERVING:
        if held >= SOUP:
            turn.sparse += kitchen.values[held & 15]
            turn.served[k] += 1
            cook.held = NOTHING
    elif held == NOTHING:
        if kind == ONIONS:
            cook.held = ONION
        elif kind == TOMATOES:
            cook.held = TOMATO
        elif kind == DISHES:
            if is_dish_useful(kitchen, terrain, objects, cooks, turn.promising):
                turn.shaped[k] += kitchen.dish
            cook.held = DISH


cdef inline void use_pot(const Kitchen* kitchen, uint8_t* objects, uint8_t* ticks, Cook* cook, int cell, int k,
                         Turn* turn) noexcept nogil:
    """Switch a pot on with empty hands, put an ingredient in, or fill a dish with the soup that is ready."""
    cdef int soup = objects[cell], held = cook.held
    if held == NOTHING:
        if soup and ticks[cell] == 0:
            ticks[cell] = 1
    elif held == DISH:
        if soup and is_ready(kitchen, soup, ticks[cell]):
            cook.held = soup
            objects[cell] = ticks[cell] = 0
            turn.shaped[k] += kitchen.soup
    elif held < DISH and ticks[cell] == 0 and ingredients_of(soup) < MOST_INGREDIENTS:
        objects[cell] = (soup | SOUP) + (1 if held == ONION else 4)
        cook.held = NOTHING
        turn.shaped[k] += kitchen.placement


cdef inline void move(const Kitchen* kitchen, const uint8_t* terrain, Cook* cooks, const int* actions) noexcept nogil:
    """Turn the cooks, and move them; if two would meet or swap cells, nobody moves."""
    cdef int16_t[4] targets
    cdef int k, other
    cdef bint collide = False
    for k in range(kitchen.cooks):
        targets[k] = cooks[k].cell + kitchen.ways[actions[k]] if actions[k] < STAY else cooks[k].cell
        if actions[k] < STAY:
            cooks[k].facing = actions[k]
        if terrain[targets[k]] != FLOOR:
            targets[k] = cooks[k].cell
        for other in range(k):
            collide |= targets[k] == targets[other]
            collide |= targets[k] == cooks[other].cell and targets[other] == cooks[k].cell
    if not collide:
        for k in range(kitchen.cooks):
            cooks[k].cell = targets[k]


cdef inline void cook_soups(const Kitchen* kitchen, const uint8_t* objects, uint8_t* ticks) noexcept nogil:
    cdef int k, cell
    for k in range(kitchen.pots):
        cell = kitchen.pot_cells[k]
        if ticks[cell] and not is_ready(kitchen, objects[cell], ticks[cell]):
            ticks[cell] += 1


cdef inline bint is_possible(const Kitchen* kitchen, const uint8_t* terrain, const uint8_t* objects,
                             const uint8_t* ticks, const Cook* cooks) noexcept nogil:
    """Whether the rules can have led to a state, or to one that does as little harm."""
    cdef int k, cell, code, limit
    for k in range(kitchen.cooks):
        if not (0 <= cooks[k].cell < kitchen.cells and terrain[cooks[k].cell] == FLOOR and cooks[k].facing < 4):
            return False
        if not is_object(cooks[k].held):
            return False
    for cell in range(kitchen.cells):
        code = objects[cell]
        if terrain[cell] == POT:
            limit = kitchen.times[code & 15] + 1 if code else 0
            if code and code < SOUP or not is_object(code) or ticks[cell] > limit:
                return False
        elif ticks[cell] or (code and terrain[cell] != COUNTER) or not is_object(code):
            return False
    return True


cdef inline bint is_object(int code) noexcept nogil:
    return code <= DISH or (SOUP < code < SOUP + 16 and ingredients_of(code) <= MOST_INGREDIENTS)
