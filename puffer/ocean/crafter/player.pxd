# What the player of Crafter does, and what a step does to it.
from puffer.ocean.crafter.terrain cimport (
    COAL, COW, DIAMOND, FURNACE, GRASS, IRON, LAVA, OUTSIDE, PATH, PLANT, PLAYER, RIPE_PLANT, SAND, SKELETON, STONE,
    TABLE, TREE, WATER, ZOMBIE,
)
from puffer.ocean.crafter.world cimport *
from puffer.rng cimport rng_float, rng_t

cdef enum:
    NOOP, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, MOVE_DOWN, DO, SLEEP, ACT_PLACE_STONE, ACT_PLACE_TABLE, ACT_PLACE_FURNACE
    ACT_PLACE_PLANT, ACT_WOOD_PICKAXE, ACT_STONE_PICKAXE, ACT_IRON_PICKAXE, ACT_WOOD_SWORD, ACT_STONE_SWORD
    ACT_IRON_SWORD

cdef enum:
    # Halves of a step after which the player loses or gains a point.
    HUNGRY = 50, THIRSTY = 40, TIRED = 60, RESTED = -20, HEALED = 50, HURT = -30


cdef inline void harm_player(World* world, int damage) noexcept nogil:
    world.player.inventory[HEALTH] = most(0, world.player.inventory[HEALTH] - damage)


cdef inline void step_player(World* world, int action, rng_t* rng) noexcept nogil:
    """The player's turn. What stays of the inventory is 0 to 9 of everything."""
    cdef Player* player = &world.player
    cdef int k
    if player.sleeping:
        if player.inventory[ENERGY] < 9:
            action = SLEEP
        else:
            player.sleeping = False
            player.achievements[WAKE_UP] += 1
    if MOVE_LEFT <= action <= MOVE_DOWN:
        move_player(world, action - MOVE_LEFT)
    elif action == DO:
        act(world, rng)
    elif action == SLEEP:
        player.sleeping |= player.inventory[ENERGY] < 9
    elif ACT_PLACE_STONE <= action <= ACT_PLACE_PLANT:
        place(world, action)
    elif ACT_WOOD_PICKAXE <= action <= ACT_IRON_SWORD:
        craft(world, action)
    live(player)
    for k in range(ITEMS):
        player.inventory[k] = most(0, least(player.inventory[k], 9))
    if player.inventory[HEALTH] < player.last_health:
        player.sleeping = False
    player.last_health = player.inventory[HEALTH]


cdef inline void move_player(World* world, int direction) noexcept nogil:
    cdef Player* player = &world.player
    cdef int x = player.x + step_x(direction), y = player.y + step_y(direction)
    player.facing = direction
    if is_free(world, x, y, WALKABLE | 1 << LAVA):
        set_thing(world, player.x, player.y, 0)
        set_thing(world, x, y, PLAYER)
        player.x, player.y = x, y
        enter_chunk(world, chunk_of(x, y))
    if look(world, player.x, player.y) & MATERIAL == LAVA:
        player.inventory[HEALTH] = 0


cdef inline void act(World* world, rng_t* rng) noexcept nogil:
    """Use what the player faces."""
    cdef Player* player = &world.player
    cdef int x = player.x + step_x(player.facing), y = player.y + step_y(player.facing), cell = look(world, x, y)
    if cell >= THING:
        strike(world, creature_at(world, x, y))
    elif cell == WATER:
        player.thirst = 0
        collect(world, x, y, WATER, DRINK, COLLECT_DRINK, rng)
    elif cell == TREE:
        collect(world, x, y, GRASS, WOOD, COLLECT_WOOD, rng)
    elif cell == GRASS:
        if rng_float(rng) <= 0.1:
            player.inventory[SAPLING] += 1
            player.achievements[COLLECT_SAPLING] += 1
    elif cell == STONE and player.inventory[WOOD_PICKAXE] > 0:
        collect(world, x, y, PATH, STONE_ITEM, COLLECT_STONE, rng)
    elif cell == COAL and player.inventory[WOOD_PICKAXE] > 0:
        collect(world, x, y, PATH, COAL_ITEM, COLLECT_COAL, rng)
    elif cell == IRON and player.inventory[STONE_PICKAXE] > 0:
        collect(world, x, y, PATH, IRON_ITEM, COLLECT_IRON, rng)
    elif cell == DIAMOND and player.inventory[IRON_PICKAXE] > 0:
        collect(world, x, y, PATH, DIAMOND_ITEM, COLLECT_DIAMOND, rng)


cdef inline void collect(World* world, int x, int y, int left, int item, int achievement, rng_t* rng) noexcept nogil:
    set_material(world, x, y, left)
    # The package draws a number for each thing that is collected, even where it always succeeds.
    rng_float(rng)
    world.player.inventory[item] += 1
    world.player.achievements[achievement] += 1


cdef inline void strike(World* world, int k) noexcept nogil:
    """Eat or hit the creature k."""
    cdef Player* player = &world.player
    cdef int damage = 1, kind = world.kinds[k] if k >= 0 else 0
    if kind == RIPE_PLANT:
        world.timers[k], world.kinds[k] = 0, PLANT
        set_thing(world, world.xs[k], world.ys[k], PLANT)
        player.inventory[FOOD] += 4
        player.achievements[EAT_PLANT] += 1
    if not COW <= kind <= SKELETON:
        return
    if player.inventory[IRON_SWORD]:
        damage = 5
    elif player.inventory[STONE_SWORD]:
        damage = 3
    elif player.inventory[WOOD_SWORD]:
        damage = 2
    world.healths[k] = most(0, world.healths[k] - damage)
    if world.healths[k]:
        return
    if kind == COW:
        player.inventory[FOOD] += 6
        player.hunger = 0
        player.achievements[EAT_COW] += 1
    else:
        player.achievements[DEFEAT_ZOMBIE if kind == ZOMBIE else DEFEAT_SKELETON] += 1


cdef inline bint pay(Player* player, int item, int amount) noexcept nogil:
    if player.inventory[item] < amount:
        return False
    player.inventory[item] -= amount
    return True


cdef inline void place(World* world, int action) noexcept nogil:
    """Put a stone, a table, a furnace or a plant where the player faces."""
    cdef Player* player = &world.player
    cdef int x = player.x + step_x(player.facing), y = player.y + step_y(player.facing)
    if action == ACT_PLACE_STONE:
        if is_free(world, x, y, WALKABLE | 1 << WATER | 1 << LAVA) and pay(player, STONE_ITEM, 1):
            set_material(world, x, y, STONE)
            player.achievements[PLACE_STONE] += 1
    elif action == ACT_PLACE_TABLE:
        if is_free(world, x, y, WALKABLE) and pay(player, WOOD, 2):
            set_material(world, x, y, TABLE)
            player.achievements[PLACE_TABLE] += 1
    elif action == ACT_PLACE_FURNACE:
        if is_free(world, x, y, WALKABLE) and pay(player, STONE_ITEM, 4):
            set_material(world, x, y, FURNACE)
            player.achievements[PLACE_FURNACE] += 1
    elif is_free(world, x, y, 1 << GRASS) and world.creatures < MOST_CREATURES and pay(player, SAPLING, 1):
        add_creature(world, PLANT, x, y, 1)
        player.achievements[PLACE_PLANT] += 1


cdef inline int materials_around(const World* world, int x, int y) noexcept nogil:
    """The materials beside the player and under it, a set of bits. At the left and upper edge there are none."""
    cdef int found = 0, dx, dy
    if x == 0 or y == 0:
        return 0
    for dx in range(-1, 2):
        for dy in range(-1, 2):
            found |= 1 << (look(world, x + dx, y + dy) & MATERIAL)
    return found


cdef inline void craft(World* world, int action) noexcept nogil:
    """Make a tool or a weapon."""
    cdef Player* player = &world.player
    cdef int around = materials_around(world, player.x, player.y)
    cdef int kind = (action - ACT_WOOD_PICKAXE) % 3
    cdef int8_t* inventory = player.inventory
    if not around >> TABLE & 1 or (kind == 2 and not around >> FURNACE & 1) or inventory[WOOD] < 1:
        return
    if (kind == 1 and inventory[STONE_ITEM] < 1) or (kind == 2 and (inventory[COAL_ITEM] < 1 or
                                                                    inventory[IRON_ITEM] < 1)):
        return
    inventory[WOOD] -= 1
    inventory[STONE_ITEM] -= kind == 1
    inventory[COAL_ITEM] -= kind == 2
    inventory[IRON_ITEM] -= kind == 2
    inventory[WOOD_PICKAXE + action - ACT_WOOD_PICKAXE] += 1
    player.achievements[achievement_of(action)] += 1


cdef inline int achievement_of(int action) noexcept nogil:
    cdef int[6] made = [MAKE_WOOD_PICKAXE, MAKE_STONE_PICKAXE, MAKE_IRON_PICKAXE, MAKE_WOOD_SWORD, MAKE_STONE_SWORD,
                        MAKE_IRON_SWORD]
    return made[action - ACT_WOOD_PICKAXE]


cdef inline void live(Player* player) noexcept nogil:
    """Hunger, thirst, tiredness, and the health that follows from them."""
    cdef int8_t* inventory = player.inventory
    player.hunger += 1 if player.sleeping else 2
    if player.hunger > HUNGRY:
        player.hunger = 0
        inventory[FOOD] -= 1
    player.thirst += 1 if player.sleeping else 2
    if player.thirst > THIRSTY:
        player.thirst = 0
        inventory[DRINK] -= 1
    player.fatigue = least(player.fatigue - 2, 0) if player.sleeping else player.fatigue + 2
    if player.fatigue < RESTED:
        player.fatigue = 0
        inventory[ENERGY] += 1
    if player.fatigue > TIRED:
        player.fatigue = 0
        inventory[ENERGY] -= 1
    if inventory[FOOD] > 0 and inventory[DRINK] > 0 and (inventory[ENERGY] > 0 or player.sleeping):
        player.recover += 4 if player.sleeping else 2
    else:
        player.recover -= 1 if player.sleeping else 2
    if player.recover > HEALED:
        player.recover = 0
        inventory[HEALTH] += 1
    if player.recover < HURT:
        player.recover = 0
        inventory[HEALTH] = most(0, inventory[HEALTH] - 1)
