"""A solver of Sokoban: a best-first search over pushes, which finds some solution, not the shortest."""

import heapq
from collections import deque
from itertools import count

import numpy as np

WALL, FLOOR, TARGET, BOX_ON_TARGET, BOX, PLAYER, PLAYER_ON_TARGET = range(7)
# In the order of the actions: the pushes are 1 to 4, the moves 5 to 8.
STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))
PUSH, MOVE = 1, 5


def solve(cells, most_nodes=100_000):
    """Actions that solve a room, or None if the search gives up."""
    free = {(int(row), int(column)) for row, column in np.argwhere(cells != WALL)}
    boxes = frozenset(map(tuple, np.argwhere(np.isin(cells, (BOX, BOX_ON_TARGET))).tolist()))
    targets = set(map(tuple, np.argwhere(np.isin(cells, (TARGET, BOX_ON_TARGET, PLAYER_ON_TARGET))).tolist()))
    player = tuple(np.argwhere(cells >= PLAYER)[0].tolist())
    far = distances(free, targets)
    if not all(box in far for box in boxes):
        return None
    order, seen = count(), set()
    waiting = [(0, next(order), player, boxes, None)]
    while waiting and len(seen) < most_nodes:
        *_, player, boxes, before = heapq.heappop(waiting)
        came_from = walks(free - boxes, player)
        if (min(came_from), boxes) in seen:
            continue
        seen.add((min(came_from), boxes))
        for box in boxes:
            for direction, step in enumerate(STEPS):
                behind, ahead = shifted(box, step, -1), shifted(box, step)
                if behind not in came_from or ahead not in far or ahead in boxes:
                    continue
                actions = (before, [*way(came_from, behind), PUSH + direction])
                pushed = boxes - {box} | {ahead}
                if pushed == targets:
                    return joined(actions)
                cost = sum(far[one] for one in pushed)
                heapq.heappush(waiting, (cost, next(order), box, pushed, actions))
    return None


def shifted(cell, step, times=1):
    return cell[0] + times * step[0], cell[1] + times * step[1]


def distances(free, targets):
    """By cell, the pushes that a single box needs to a target. Cells from which it cannot come there are missing."""
    far, waiting = dict.fromkeys(targets, 0), deque(targets)
    while waiting:
        box = waiting.popleft()
        for step in STEPS:
            before, player = shifted(box, step, -1), shifted(box, step, -2)
            if before in free and player in free and before not in far:
                far[before] = far[box] + 1
                waiting.append(before)
    return far


def walks(free, player):
    """By reachable cell, the direction of the last step there."""
    came_from, waiting = {player: None}, deque([player])
    while waiting:
        cell = waiting.popleft()
        for direction, step in enumerate(STEPS):
            ahead = shifted(cell, step)
            if ahead in free and ahead not in came_from:
                came_from[ahead] = direction
                waiting.append(ahead)
    return came_from


def way(came_from, cell):
    actions = []
    while came_from[cell] is not None:
        actions.append(MOVE + came_from[cell])
        cell = shifted(cell, STEPS[came_from[cell]], -1)
    return actions[::-1]


def joined(actions):
    parts = []
    while actions:
        actions, part = actions
        parts.append(part)
    return [action for part in reversed(parts) for action in part]
