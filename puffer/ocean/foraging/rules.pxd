# The rules of one copy of level-based foraging: those of its parameters that copies may have of their own.
from libc.stdint cimport int16_t, uint8_t

from puffer.ocean.foraging.field cimport Field
from puffer.ocean.foraging.parameters cimport MOST_LEVEL, PLAYERS_AT_FOOD

# The least and the greatest level of each player, or of each food, of which there are `count`. If they differ, they are
# distributed at random.
cdef struct Levels:
    int count
    bint differ
    const int16_t* least
    const int16_t* most

# `follow` is set if the greatest level of foods is not given: it follows the players that there are.
cdef struct Rules:
    Field field
    int sight
    uint8_t force_coop
    uint8_t normalize_reward
    uint8_t follow
    uint8_t players_differ
    uint8_t foods_differ
    double penalty


cdef inline tuple names_of_rules():
    return ("field_size", "sight", "force_coop", "penalty", "normalize_reward", "min_player_level", "max_player_level",
            "min_food_level", "max_food_level")


cdef inline Rules rules_of(dict values) except *:
    """The rules of checked parameters."""
    cdef Rules rules
    rules.field.rows, rules.field.columns = values["field_size"]
    rules.field.stride = rules.field.columns + 2
    rules.sight, rules.penalty = values["sight"], values["penalty"]
    rules.force_coop, rules.normalize_reward = values["force_coop"], values["normalize_reward"]
    rules.follow = values["max_food_level"] is None
    rules.players_differ = len(set(values["min_player_level"])) > 1 or len(set(values["max_player_level"])) > 1
    rules.foods_differ = len(set(values["min_food_level"])) > 1 or len(set(values["max_food_level"] or ())) > 1
    return rules


cdef inline list numbers_of_levels(dict values):
    """The levels of checked parameters, as they lie in memory: of players the least, the greatest, then of foods."""
    most = values["min_food_level"] if values["max_food_level"] is None else values["max_food_level"]
    return [*values["min_player_level"], *values["max_player_level"], *values["min_food_level"], *most]


cdef inline dict values_of(const Rules* rules, const int16_t* levels, int players, int foods):
    """The parameters that rules came of."""
    cdef int k
    numbers = [levels[k] for k in range(2 * (players + foods))]
    of_foods = numbers[2 * players:]
    return {
        "field_size": (rules.field.rows, rules.field.columns), "sight": rules.sight,
        "force_coop": bool(rules.force_coop), "penalty": rules.penalty,
        "normalize_reward": bool(rules.normalize_reward), "min_player_level": tuple(numbers[:players]),
        "max_player_level": tuple(numbers[players:2 * players]), "min_food_level": tuple(of_foods[:foods]),
        "max_food_level": None if rules.follow else tuple(of_foods[foods:]),
    }


cdef inline Levels levels_of_players(const Rules* rules, const int16_t* levels, int players) noexcept nogil:
    return Levels(count=players, differ=rules.players_differ, least=levels, most=levels + players)


cdef inline Levels levels_of_foods(const Rules* rules, const int16_t* levels, int players, int foods) noexcept nogil:
    return Levels(count=foods, differ=rules.foods_differ, least=levels + 2 * players,
                  most=levels + 2 * players + foods)


cdef inline bint are_possible(const Rules* rules, const int16_t* levels, int players, int foods, Py_ssize_t cells,
                              int sight) noexcept nogil:
    """Whether rules do no harm in a batch of so many cells for each copy; `sight` is that of planes, or 0."""
    cdef int rows = rules.field.rows, columns = rules.field.columns, k
    if not (3 <= rows <= 100 and 3 <= columns <= 100 and (rows + 2) * (columns + 2) <= cells):
        return False
    if rules.field.stride != columns + 2 or rows * columns < players or not 1 <= rules.sight <= 100:
        return False
    if sight and rules.sight != sight or not 0 <= rules.penalty <= 1e6:
        return False
    for k in range(2 * (players + foods)):
        if not 1 <= levels[k] <= PLAYERS_AT_FOOD * MOST_LEVEL:
            return False
    for k in range(players):
        if levels[k] > levels[players + k]:
            return False
    levels += 2 * players
    for k in range(foods):
        if not rules.follow and levels[k] > levels[foods + k]:
            return False
    return True
