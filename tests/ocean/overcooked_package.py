"""The package overcooked-ai beside our engine: its kitchens, its states as ours, and cooks who know what to do."""

import sys
import types
from collections import deque
from importlib.util import find_spec

import numpy as np
import pytest
from oracles import FOLDER, missing

if missing("overcooked_ai_py", "scipy"):
    pytest.skip(missing("overcooked_ai_py", "scipy"), allow_module_level=True)

# The package registers itself with the older Gym, which it does not need. No other test finds these.
STAND_INS = [] if find_spec("gym") else ["gym", "gym.envs", "gym.envs.registration"]
for name in STAND_INS:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].register = lambda **_: None
sys.path.append(FOLDER)
try:
    from overcooked_ai_py.mdp import overcooked_mdp as mdp_module
    from overcooked_ai_py.mdp.actions import Action, Direction
    from overcooked_ai_py.planning import planners
finally:
    sys.path.remove(FOLDER)
    for name in STAND_INS:
        del sys.modules[name]


class OldNumpy:
    """NumPy with the name that the package still uses."""

    Inf = np.inf

    def __getattr__(self, name):
        return getattr(np, name)


planners.np = OldNumpy()

FLOOR, COUNTER, ONIONS, TOMATOES, DISHES, POT, SERVING = range(7)
ONION, TOMATO, DISH, SOUP = 1, 2, 3, 16
NAMES = {ONION: "onion", TOMATO: "tomato", DISH: "dish"}
WAYS = ((0, -1), (0, 1), (1, 0), (-1, 0))
INTERACT = 5


def make_package(lines, *, layout=None, random_start_pos=None, rnd_obj_prob_thresh=None, **parameters):
    """The package's kitchen for ours, and what its features need."""
    own = {"start_all_orders": [{"ingredients": ["onion"] * 3}] if layout else [], **parameters}
    for orders in ("start_all_orders", "start_bonus_orders"):
        own[orders] = [one if isinstance(one, dict) else {"ingredients": list(one)} for one in own.get(orders, ())]
    if own.get("rew_shaping_params"):
        own["rew_shaping_params"] = {**mdp_module.BASE_REW_SHAPING_PARAMS, **own["rew_shaping_params"]}
    # It reads the values of recipes under another name than it sets the orders.
    return mdp_module.OvercookedGridworld.from_grid(lines, {**own, "all_orders": own["start_all_orders"]})


def planner_of(mdp):
    return types.SimpleNamespace(motion_planner=planners.MotionPlanner(mdp))


def object_of(code, place, tick=0):
    """The package's object for ours, where it is."""
    if code < SOUP:
        return mdp_module.ObjectState(NAMES[code], place)
    return mdp_module.SoupState.get_soup(place, code & 3, code >> 2 & 3, cooking_tick=tick - 1)


def state_of(mdp, state):
    """The package's state for one of ours."""
    start, objects = mdp.get_standard_start_state(), {}
    cooks = []
    for x, y, facing, held in state["cooks"].tolist():
        thing = None if held == 0 else object_of(held, (x, y))
        if held >= SOUP:
            thing.auto_finish()
        cooks.append(mdp_module.PlayerState((x, y), Direction.ALL_DIRECTIONS[facing], thing))
    for x, y in np.argwhere(state["objects"]).tolist():
        thing = object_of(int(state["objects"][x, y]), (x, y), int(state["ticks"][x, y]))
        if state["terrain"][x, y] != POT and thing.name == "soup":
            thing.auto_finish()
        objects[x, y] = thing
    orders = [[order.to_dict() for order in orders] for orders in (start.bonus_orders, start.all_orders)]
    return mdp_module.OvercookedState(cooks, objects, bonus_orders=orders[0], all_orders=orders[1])


def code_of(thing):
    if thing is None:
        return 0
    if thing.name != "soup":
        return {"onion": ONION, "tomato": TOMATO, "dish": DISH}[thing.name]
    return SOUP + thing.ingredients.count("onion") + 4 * thing.ingredients.count("tomato")


def assert_same_state(mdp, theirs, ours):
    """All of the state, what is on counters and in pots included."""
    facing = Direction.DIRECTION_TO_INDEX
    cooks = [[*one.position, facing[one.orientation], code_of(one.held_object)] for one in theirs.players]
    assert ours["cooks"].tolist() == cooks
    objects, ticks = np.zeros_like(ours["objects"]), np.zeros_like(ours["ticks"])
    for place, thing in theirs.objects.items():
        objects[place] = code_of(thing)
        if thing.name == "soup" and mdp.get_terrain_type_at_pos(place) == "P":
            ticks[place] = thing._cooking_tick + 1
    np.testing.assert_array_equal(ours["objects"], objects)
    np.testing.assert_array_equal(ours["ticks"], ticks)


def step(mdp, state, actions):
    """The next state, and the sparse reward and the shaped ones."""
    after, info = mdp.get_state_transition(state, tuple(Action.INDEX_TO_ACTION[action] for action in actions))
    return after, sum(info["sparse_reward_by_agent"]), np.array(info["shaped_reward_by_agent"], np.float32)


# ---- Cooks ----


def way_to(state, k, wanted):
    """The action of cook k on its way to a cell for which `wanted(x, y)` is true, or None."""
    terrain, (x, y, facing, _) = state["terrain"], state["cooks"][k].tolist()
    others = {tuple(cook[:2]) for j, cook in enumerate(state["cooks"].tolist()) if j != k}
    waiting, seen = deque([(x, y, None)]), {(x, y)}
    while waiting:
        x, y, first = waiting.popleft()
        for turn, (dx, dy) in enumerate(WAYS):
            there = x + dx, y + dy
            if terrain[there] != FLOOR:
                if wanted(*there):
                    return first if first is not None else INTERACT if facing == turn else turn
            elif there not in seen and not (first is None and there in others):
                seen.add(there)
                waiting.append((*there, turn if first is None else first))
    return None


def choose(state, k, policy, rng):
    """What cook k does: who wins makes soups of three, who loses serves soups of one, and leaves dishes around."""
    terrain, objects, ticks = state["terrain"], state["objects"], state["ticks"]
    held = int(state["cooks"][k, 3])
    kinds = {"winning": 0.12, "losing": 0.25, "random": 1.0}
    if rng.random() < kinds[policy]:
        return int(rng.integers(0, 6))
    full = 3 if policy == "winning" else 1

    def count(x, y):
        return (int(objects[x, y]) & 3) + (int(objects[x, y]) >> 2 & 3) if objects[x, y] else 0

    def is_kind(kind):
        return lambda x, y: terrain[x, y] == kind

    def pot(test):
        return lambda x, y: terrain[x, y] == POT and test(x, y)

    going = int((ticks > 0).sum())
    goals = {
        0: [
            pot(lambda x, y: objects[x, y] and ticks[x, y] == 0 and count(x, y) >= full),
            is_kind(DISHES) if going and rng.random() < 0.5 else lambda x, y: False,
            lambda x, y: terrain[x, y] == COUNTER and objects[x, y] and rng.random() < 0.5,
            is_kind(TOMATOES) if rng.random() < 0.4 else is_kind(ONIONS),
            is_kind(ONIONS),
            is_kind(DISHES),
        ],
        ONION: [pot(lambda x, y: ticks[x, y] == 0 and count(x, y) < full)],
        TOMATO: [pot(lambda x, y: ticks[x, y] == 0 and count(x, y) < full)],
        DISH: [pot(lambda x, y: ticks[x, y] > 0)] if policy == "winning" or rng.random() < 0.8 else [],
    }
    free = [lambda x, y: terrain[x, y] == COUNTER and not objects[x, y]]
    for wanted in goals.get(held, [is_kind(SERVING)]) + free:
        action = way_to(state, k, wanted)
        if action is not None:
            return action
    return int(rng.integers(0, 6))
