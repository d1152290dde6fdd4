# The rules of single copies of Minigrid, which may differ from those that the batch was made with.
from puffer.ocean.minigrid.draft cimport DYNAMIC_OBSTACLES, Rules
from puffer.ocean.minigrid.forms cimport has_long_mission
from puffer.ocean.minigrid.parameters cimport level_parameters, read_rules
from puffer.ocean.minigrid.restored cimport have_room

# The rules of a copy's level, and those of its next episode. Zero until a copy of the batch has rules of its own.
cdef struct Own:
    Rules now
    Rules coming
    bint has_coming


cdef inline Rules next_rules(const Rules* own, const Rules* made, dict given, bint same_size) except *:
    """The rules of a copy that is given these parameters, and otherwise keeps its own or takes those of a new level.

    Raises ValueError for a level that does not fit a batch made with other rules: `same_size` where its rows show the
    whole grid.
    """
    cdef Rules rules
    made_level = level_parameters(made)[0]
    level = given.pop("level", None)
    if level is None:
        level, parameters = level_parameters(own)
        given = {**parameters, **given}
    rules = read_rules(level, given)
    if (rules.level == DYNAMIC_OBSTACLES) != (made.level == DYNAMIC_OBSTACLES):
        raise ValueError(f"level {level!r} has other actions than level {made_level!r}, which this batch was made with")
    if has_long_mission(&rules) and not has_long_mission(made):
        raise ValueError(f"level {level!r} has a longer mission than level {made_level!r}, which this batch was made "
                         "with: make it with a level that has longer missions, Fetch, LockedRoom or PutNear")
    values = level_parameters(&rules)[1]
    if not have_room(&rules, made, False):
        raise ValueError(f"level {level!r} with {values} is larger than what this batch was made with: make it with "
                         "the largest level that you want")
    if not have_room(&rules, made, same_size):
        raise ValueError(f"level {level!r} with {values} has a grid of another size than what this batch was made "
                         "with, whose rows show the whole grid")
    return rules
