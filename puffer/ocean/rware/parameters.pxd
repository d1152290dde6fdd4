# The parameters of the robot warehouse.
from puffer.ocean.rware.floor cimport MOST_ROBOTS, highway_cells

cdef enum reward_t:
    INDIVIDUAL, GLOBAL, TWO_STAGE


cdef inline tuple check_map(object size, object shelf_rows, object shelf_columns, object column_height):
    """Rows and columns of blocks, and their height in cells, checked; whether each cell is free of shelves.

    Raises TypeError or ValueError.
    """
    from puffer import checks
    sizes = {"tiny": (1, 3), "small": (2, 3), "medium": (2, 5), "large": (3, 5)}
    rows, columns = sizes[checks.choice("size", size, sizes)]
    rows = checks.integer("shelf_rows", rows if shelf_rows is None else shelf_rows, 1, 40)
    columns = checks.integer("shelf_columns", columns if shelf_columns is None else shelf_columns, 1, 39)
    if columns % 2 == 0:
        raise ValueError(f"shelf_columns must be odd, so that the goals are in the middle, got {columns}")
    height = checks.integer("column_height", column_height, 1, 40)
    highways = highway_cells(rows, columns, height)
    shelves = int((highways == 0).sum())
    if shelves < 2:
        raise ValueError(f"shelf_rows={rows}, shelf_columns={columns} and column_height={height} leave room for "
                         f"{shelves} shelves; there must be 2 at least")
    return rows, columns, height, highways


cdef inline tuple check_robots(object highways, object n_agents, object request_queue_size):
    """The numbers of robots and of requested shelves, checked for a map, and that of all shelves.

    Raises TypeError or ValueError.
    """
    from puffer import checks
    robots = checks.integer("n_agents", n_agents, 1, min(MOST_ROBOTS, highways.size))
    shelves = int((highways == 0).sum())
    queue = min(robots, shelves - 1) if request_queue_size is None else request_queue_size
    return robots, checks.integer("request_queue_size", queue, 1, shelves - 1), shelves


cdef inline reward_t reward_kind(object reward_type) except *:
    from puffer import checks
    kinds = {"individual": INDIVIDUAL, "global": GLOBAL, "two_stage": TWO_STAGE}
    return kinds[checks.choice("reward_type", reward_type, kinds)]
