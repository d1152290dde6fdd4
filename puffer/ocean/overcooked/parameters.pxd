# The parameters of Overcooked.
from puffer.ocean.overcooked.kitchen cimport FLOOR, Kitchen, POT, STAY
from puffer.ocean.overcooked.layouts cimport classic_layouts, read_layout

cdef enum:
    # Defaults of the package: the value of a soup, and the steps that it cooks.
    SOUP_VALUE = 20, COOK_TIME = 20, LONGEST = 250


cdef inline object recipe_of(str name, object ingredients):
    """The number of a recipe, onions + 4 * tomatoes, of ("onion", "tomato", ...) or {"ingredients": [...]}."""
    if isinstance(ingredients, dict) and list(ingredients) == ["ingredients"]:
        ingredients = ingredients["ingredients"]
    if not isinstance(ingredients, (tuple, list)) or not 1 <= len(ingredients) <= 3 \
            or not all([one in ("onion", "tomato") for one in ingredients]):
        raise ValueError(f"{name} must be a list of recipes, which have one to three of 'onion' and 'tomato', such as "
                         f"('onion', 'onion', 'tomato'); got the recipe {ingredients!r}")
    return ingredients.count("onion") + 4 * ingredients.count("tomato")


cdef inline list all_recipes():
    return [onions + 4 * tomatoes for onions in range(4) for tomatoes in range(4) if 1 <= onions + tomatoes <= 3]


cdef inline list check_orders(str name, object orders):
    """Recipes by their numbers. Raises TypeError or ValueError."""
    if not isinstance(orders, (tuple, list)):
        raise TypeError(f"{name} must be a list of recipes, got {orders!r}")
    recipes = [recipe_of(name, one) for one in orders]
    if len(set(recipes)) < len(recipes):
        raise ValueError(f"{name} must not have a recipe twice, got {orders!r}")
    return recipes


cdef inline dict numbers_by_recipe(str what, list orders, object same, object listed, object by_onion, object by_tomato,
                                   int default, int most):
    """A number for each recipe, by one of three ways to say it: the same for all, a list for the orders, by ingredient.

    `what` is "value" or "time". Raises TypeError or ValueError.
    """
    from puffer import checks
    same_name = "delivery_reward" if what == "value" else "cook_time"
    ways = {same_name: same, f"recipe_{what}s": listed, f"onion_{what}": by_onion, f"tomato_{what}": by_tomato}
    given = [name for name, value in ways.items() if value is not None]
    if (by_onion is None) != (by_tomato is None):
        raise ValueError(f"onion_{what} and tomato_{what} must both be given, got {given[0]} alone")
    if len(given) > (2 if by_onion is not None else 1):
        raise ValueError(f"only one of {same_name}, recipe_{what}s, and onion_{what} with tomato_{what} may be given, "
                         f"got {', '.join(given)}")
    if by_onion is not None:
        onion, tomato = [checks.integer(name, ways[name], 1, most // 3) for name in given]
        return {recipe: onion * (recipe & 3) + tomato * (recipe >> 2) for recipe in all_recipes()}
    numbers = dict.fromkeys(all_recipes(), default if same is None else checks.integer(same_name, same, 1, most))
    if listed is not None:
        if not isinstance(listed, (tuple, list)) or len(listed) != len(orders):
            raise ValueError(f"recipe_{what}s must be a list with a number for each of the {len(orders)} orders, got "
                             f"{listed!r}")
        for recipe, number in zip(orders, listed, strict=True):
            numbers[recipe] = checks.integer(f"recipe_{what}s", number, 1, most)
    return numbers


cdef inline Kitchen make_kitchen(object terrain, list starts) except *:
    """A kitchen of this terrain, before any recipes."""
    cdef Kitchen kitchen
    cdef int k, height = terrain.shape[1]
    pots = [x * height + y for y in range(height) for x in range(terrain.shape[0]) if terrain[x, y] == POT]
    kitchen.width, kitchen.height = terrain.shape
    kitchen.cells, kitchen.cooks, kitchen.pots = terrain.size, len(starts), len(pots)
    for k in range(kitchen.pots):
        kitchen.pot_cells[k] = pots[k]
    for k in range(kitchen.cooks):
        kitchen.starts[k] = starts[k][0] * height + starts[k][1]
    kitchen.ways = [-1, 1, height, -height, 0, 0]
    return kitchen


cdef inline int set_recipes(Kitchen* kitchen, dict own) except -1:
    """Take the recipes' values and times from the parameters, checked. Raises TypeError or ValueError."""
    from puffer import checks
    orders = own["start_all_orders"]
    if orders is None and own["layout"] in classic_layouts():
        orders = [("onion",) * 3]
    recipes = all_recipes() if orders is None else check_orders("start_all_orders", orders) or all_recipes()
    bonus = check_orders("start_bonus_orders", own["start_bonus_orders"])
    if not set(bonus) <= set(recipes):
        raise ValueError(f"start_bonus_orders must be among start_all_orders, got {own['start_bonus_orders']!r}")
    factor = checks.integer("order_bonus", own["order_bonus"], 1, 100)
    values = numbers_by_recipe("value", recipes, own["delivery_reward"], own["recipe_values"], own["onion_value"],
                               own["tomato_value"], SOUP_VALUE, 1000)
    times = numbers_by_recipe("time", recipes, own["cook_time"], own["recipe_times"], own["onion_time"],
                              own["tomato_time"], COOK_TIME, LONGEST)
    kitchen.values, kitchen.times = [0] * 16, [0] * 16
    for recipe in all_recipes():
        if recipe in recipes:
            kitchen.values[<int>recipe] = values[recipe] * (factor if recipe in bonus else 1)
        kitchen.times[<int>recipe] = times[recipe]
    return 0


cdef inline int set_shaping(Kitchen* kitchen, object given) except -1:
    """Take the shaped rewards from `rew_shaping_params`. Raises TypeError or ValueError."""
    from puffer import checks
    rewards = {"PLACEMENT_IN_POT_REW": 3, "DISH_PICKUP_REWARD": 3, "SOUP_PICKUP_REWARD": 5}
    if given is not None:
        if not isinstance(given, dict):
            raise TypeError(f"rew_shaping_params must be a dict, got {given!r}")
        checks.arguments("rew_shaping_params", given, list(rewards))
        rewards.update(given)
    kitchen.placement, kitchen.dish, kitchen.soup = [
        checks.number(f"rew_shaping_params[{name!r}]", reward, -1000, 1000) for name, reward in rewards.items()]
    return 0
