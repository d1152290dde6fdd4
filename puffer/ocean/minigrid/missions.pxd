# What the missions of MiniGrid's levels say.
from puffer.ocean.minigrid.draft cimport (
    BALL, BOX, BRING, CROSSING, DOOR, DOOR_KEY, FETCH, FOUR_ROOMS, GO_TO, KEY, LAVA_GAP, LOCKED_ROOM, MEMORY,
    MULTI_ROOM, Named, OBSTACLE_TYPE, PLAYGROUND, RED_BLUE_DOORS, Rules, State, TAKE, UNLOCK,
)


cdef inline str mission_text(const Rules* rules, const State* state):
    """The mission, in the package's words."""
    cdef int level = rules.level
    first, second = thing_text(state.first), thing_text(state.second)
    if rules.task == TAKE:
        return f"pick up the {first}"
    if rules.task == GO_TO:
        return f"go to the {first}"
    if rules.task == BRING:
        return f"put the {first} near the {second}"
    if level == FETCH:
        return f"{('get', 'go get', 'fetch', 'go fetch', 'you must fetch')[state.phrase]} a {first}"
    if level == LOCKED_ROOM:
        own = colour_text(state.first.colour)
        return (f"get the {first} from the {colour_text(state.second.colour)} room, unlock the {own} door and go to "
                "the goal")
    if level == LAVA_GAP or level == CROSSING:
        danger = "find the opening" if rules.values[OBSTACLE_TYPE] else "avoid the lava"
        return f"{danger} and get to the green goal square"
    return {
        DOOR_KEY: "use the key to open the door and then get to the goal",
        FOUR_ROOMS: "reach the goal",
        UNLOCK: "open the door",
        MULTI_ROOM: "traverse the rooms to get to the goal",
        MEMORY: "go to the matching object at the end of the hallway",
        PLAYGROUND: "",
        RED_BLUE_DOORS: "open the red door then the blue door",
    }.get(level, "get to the green goal square")


cdef inline str colour_text(int colour):
    return ("red", "green", "blue", "purple", "yellow", "grey")[colour]


cdef inline str thing_text(Named thing):
    kind = {DOOR: "door", KEY: "key", BALL: "ball", BOX: "box"}.get(thing.kind, "")
    return f"{colour_text(thing.colour)} {kind}"
