"""The package gym-sokoban, in a process of its own: `python sokoban_package.py INPUT OUTPUT` plays rooms in a file.

The input has `cells` (rooms, rows, columns), as we observe them, and `actions` (steps, rooms). The output has `cells`
(steps, rooms, rows, columns), `rewards`, `solved` and `done` (steps, rooms), zero after the end of an episode.
"""

import sys
import warnings

import numpy as np

FLOOR, TARGET, BOX_ON_TARGET, BOX, PLAYER, PLAYER_ON_TARGET = range(1, 7)


def enter(env, cells):
    """Put the package into a room."""
    fixed, state = cells.copy(), cells.copy()
    fixed[np.isin(cells, (BOX, PLAYER))] = FLOOR
    fixed[np.isin(cells, (BOX_ON_TARGET, PLAYER_ON_TARGET))] = TARGET
    state[cells == PLAYER_ON_TARGET] = PLAYER
    env.room_fixed, env.room_state = fixed, state
    env.player_position = np.argwhere(state == PLAYER)[0]
    env.num_boxes = int(np.isin(cells, (BOX, BOX_ON_TARGET)).sum())
    env.num_env_steps, env.reward_last = 0, 0
    # It begins with 0 whatever the room is, and so rewards in the first step what is on a target already.
    env.boxes_on_target = int((cells == BOX_ON_TARGET).sum())


def shown(env):
    """The package's room as we observe it."""
    cells = env.room_state.astype(np.uint8)
    cells[(cells == PLAYER) & (env.room_fixed == TARGET)] = PLAYER_ON_TARGET
    return cells


def main(source, target):
    warnings.simplefilter("ignore")
    from gym_sokoban.envs.sokoban_env import SokobanEnv

    given = dict(np.load(source))
    cells, actions = given["cells"], given["actions"]
    env = SokobanEnv(dim_room=cells.shape[1:], reset=False)
    env.get_image = lambda *args, **kwargs: None  # drawing is what takes its time
    played = {name: np.zeros(actions.shape, np.float64) for name in ("rewards", "solved", "done")}
    states = np.zeros((len(actions), *cells.shape), np.uint8)
    for room in range(len(cells)):
        enter(env, cells[room])
        for step in range(len(actions)):
            _, reward, done, info = env.step(int(actions[step, room]))
            states[step, room] = shown(env)
            played["rewards"][step, room] = reward
            played["done"][step, room] = done
            played["solved"][step, room] = info.get("all_boxes_on_target", False)
            if done:
                break
    np.savez(target, cells=states, **played)


if __name__ == "__main__":
    main(*sys.argv[1:])
