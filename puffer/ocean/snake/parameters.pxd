# The parameters of Snake.

cdef extern from "puffer/ocean/snake/snake.h" nogil:
    enum:
        MOST_SNAKES, START_LENGTH


cdef inline tuple check_parameters(object snakes, object width, object height, object food, object vision,
                                   object max_length):
    """The parameters in this order, checked; None is replaced by the default. Raises TypeError or ValueError."""
    import math

    from puffer import checks
    snakes = checks.integer("snakes", snakes, 1, MOST_SNAKES)
    # A square of 64 cells for each snake.
    side = max(10, math.isqrt(64 * snakes - 1) + 1)
    width = checks.integer("width", side if width is None else width, 2, 4096)
    height = checks.integer("height", side if height is None else height, 2, 4096)
    vision = checks.integer("vision", vision, 1, 64)
    cells = width * height
    food = checks.integer("food", snakes if food is None else food, 0, cells)
    # However long all the others are, there must be an empty cell for a snake or for food.
    fits = (cells - food) // snakes
    most = max(fits, START_LENGTH) if max_length is None else max_length
    max_length = checks.integer("max_length", most, START_LENGTH, cells)
    if max_length > fits:
        raise ValueError(
            f"{snakes} snakes of up to {max_length} cells and {food} cells of food do not fit a map of {width} x "
            f"{height} = {cells} cells, which has room for max_length={fits}")
    return snakes, width, height, food, vision, max_length
