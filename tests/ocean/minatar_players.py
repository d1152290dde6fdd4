"""Scripted players of MinAtar's games: one that plays well and one that loses, with all six actions."""

import numpy as np

NOTHING, LEFT, UP, RIGHT, DOWN, FIRE = range(6)
STEPS = {NOTHING: (0, 0), LEFT: (-1, 0), RIGHT: (1, 0), UP: (0, -1), DOWN: (0, 1), FIRE: (0, 0)}
# Without a prize, a move that is dangerous costs this.
DEADLY = 500


def cell(channel):
    """The column and the row of the first cell that is set, or None."""
    found = np.argwhere(channel)
    return (int(found[0][1]), int(found[0][0])) if len(found) else None


def cheapest(costs, rng):
    """The action of the least cost, drawn among nearly equal ones."""
    return min(costs, key=lambda action: costs[action] + 0.2 * rng.random())


def moved(x, y, action, top, bottom):
    across, down = STEPS[action]
    return min(max(x + across, 0), 9), min(max(y + down, top), bottom)


def threat(enemies, trails, x, y):
    """How dangerous a cell is: its row may have an enemy that comes closer. Trails are behind enemies."""
    total = 0.0
    for enemy in np.flatnonzero(enemies[y]):
        if enemy == x:
            return DEADLY
        towards = 1 if x > enemy else -1
        has_passed = 0 <= enemy + towards <= 9 and trails[y, enemy + towards]
        total += 0 if has_passed else 20 / abs(x - enemy)
    return total


# ---- Breakout ----


def breakout_winner(board, rng):
    (x, y), (last_x, last_y), (paddle, _) = (cell(board[..., channel]) for channel in (1, 2, 0))
    target, across = x, (x > last_x) - (x < last_x)
    for _ in range(9 - y if y > last_y else 0):
        across = -across if not 0 <= target + across <= 9 else across
        target = min(max(target + across, 0), 9)
    return LEFT if paddle > target else RIGHT if paddle < target else rng.choice([NOTHING, UP, FIRE])


def breakout_loser(board, rng):
    (x, _), (paddle, _) = cell(board[..., 1]), cell(board[..., 0])
    return RIGHT if x < 5 else LEFT if paddle else DOWN


# ---- Asterix ----


def asterix_costs(board):
    x, y = cell(board[..., 0])
    gold = np.argwhere(board[..., 3])
    costs = {}
    for action in (NOTHING, LEFT, UP, RIGHT, DOWN):
        column, row = moved(x, y, action, 1, 8)
        prizes = [3 / (1 + abs(column - gx) + abs(row - gy)) for gy, gx in gold]
        at_side = 4 * (column in (0, 9))
        costs[action] = threat(board[..., 1], board[..., 2], column, row) + at_side - sum(prizes)
    return costs


def asterix_winner(board, rng):
    return cheapest(asterix_costs(board), rng)


def asterix_loser(board, rng):
    return cheapest({action: -cost for action, cost in asterix_costs(board).items()}, rng)


# ---- Freeway ----


def freeway_winner(board, rng):
    _, y = cell(board[..., 0])
    return NOTHING if 1 <= y - 1 <= 8 and board[y - 1, 3:6, 1].any() else UP


def freeway_loser(board, rng):
    _, y = cell(board[..., 0])
    return UP if y == 9 or board[y, :, 1].sum() == 0 else rng.choice([DOWN, NOTHING, UP])


# ---- Space Invaders ----


def space_invaders_winner(board, rng):
    x, _ = cell(board[..., 0])
    aliens = np.flatnonzero(board[..., 1].any(axis=0))
    costs = {}
    for action in (FIRE, LEFT, RIGHT):
        column, _ = moved(x, 9, action, 0, 9)
        bullets = board[:, column, 5].astype(int)
        costs[action] = DEADLY * bullets[8] + 10 * bullets[7] + abs(aliens - column).min(initial=9)
    return cheapest(costs, rng)


def space_invaders_loser(board, rng):
    x, _ = cell(board[..., 0])
    bullets = np.flatnonzero(board[..., 5].any(axis=0))
    target = bullets[0] if len(bullets) else 5
    return LEFT if x > target else RIGHT if x < target else rng.choice([NOTHING, UP])


# ---- Seaquest ----


def seaquest_winner(board, rng):
    (x, y), back = cell(board[..., 0]), cell(board[..., 1])
    oxygen, load = board[9, :, 7].sum(), board[9, :, 8].sum()
    enemies = board[..., 5] | board[..., 6] | board[..., 4]
    divers = np.argwhere(board[..., 9])
    is_right = back is not None and back[0] < x
    costs = {}
    for action in STEPS:
        column, row = moved(x, y, action, 0, 8)
        cost = threat(enemies, board[..., 3], column, row)
        if row == 0 < y and load == 0:
            cost += DEADLY
        if load >= 6 or (oxygen <= 3 and load):
            cost += row
        elif len(divers):
            cost += 0.6 * min(abs(column - dx) + abs(row - dy) for dy, dx in divers)
        else:
            cost += 0.2 * abs(row - 4) + 0.1 * abs(column - 5)
        if action == FIRE:
            cost -= 3 * (enemies[y, x + 1 :] if is_right else enemies[y, :x]).any()
        costs[action] = cost
    return cheapest(costs, rng)


def seaquest_loser(board, rng):
    """Stays below the surface, takes divers as they come, and surfaces late."""
    _, y = cell(board[..., 0])
    is_empty, load = board[9, :, 7].sum() == 0, board[9, :, 8].sum()
    if is_empty:
        return UP if y > 1 or rng.random() < 0.06 else NOTHING
    return rng.choice([DOWN, LEFT, RIGHT, FIRE, UP if y > 2 or load else DOWN])


WINNERS = {
    "breakout": breakout_winner,
    "asterix": asterix_winner,
    "freeway": freeway_winner,
    "seaquest": seaquest_winner,
    "space_invaders": space_invaders_winner,
}
LOSERS = {
    "breakout": breakout_loser,
    "asterix": asterix_loser,
    "freeway": freeway_loser,
    "seaquest": seaquest_loser,
    "space_invaders": space_invaders_loser,
}
