"""The package minatar, in a process of its own: `python minatar_package.py INPUT OUTPUT ...` plays the games in files.

An input has `game`, the keyword arguments `options`, `actions` (steps, copies), and `bits` (copies, draws): the random
numbers of 32 bits that each copy draws, in their order. An output has the observations `first` (copies, cells) of the
first reset, and of each step `observations` (steps, copies, cells), after a reset where an episode has ended,
`rewards`, `terminations`, and `finals` (ends, cells), the observations at the ends of episodes, by step and then by
copy. Observations are packed bits.
"""

import logging
import sys

import numpy as np


class Stream:
    """A generator of NumPy's old interface that draws given bits, as the functions of `puffer.rng` use them."""

    def __init__(self):
        self.bits = None

    def __call__(self, *seed):
        """The package makes its generators by this, and gets the one stream."""
        return self

    def draw(self):
        return next(self.bits)

    def rand(self, *shape):
        if shape:
            return np.reshape([self.rand() for _ in range(np.prod(shape))], shape)
        return self.draw() / 2**32

    def randint(self, low, high=None, size=None):
        low, high = (0, low) if high is None else (low, high)
        if size is not None:
            return np.array([self.randint(low, high) for _ in range(size)])
        return low + self.below(high - low)

    def choice(self, items, size=None):
        if size is not None:
            return np.array([self.choice(items) for _ in range(size)])
        items = range(items) if isinstance(items, int) else items
        return items[self.below(len(items))]

    def below(self, bound):
        product = self.draw() * bound
        while product % 2**32 < 2**32 % bound:
            product = self.draw() * bound
        return product >> 32


def play(minatar, stream, game, options, actions, bits):
    """Play one copy; returns the observations, those at ends of episodes, the rewards and the terminations."""
    # It draws a start of its own, before the stream begins.
    stream.bits = iter(range(2**20))
    env = minatar.Environment(game, **options)
    stream.bits = iter(bits.tolist())
    env.reset()
    seen, finals, rewards, ends = [env.state()], [], [], []
    for step, action in enumerate(actions.tolist()):
        reward, ended = env.act(action)
        rewards.append(reward)
        ends.append(ended)
        if ended:
            finals.append((step, env.state()))
            env.reset()
            # It would repeat the last move of one episode in the next one.
            env.last_action = 0
        seen.append(env.state())
    return np.array(seen), finals, rewards, ends


def packed(observations):
    observations = np.asarray(observations, np.uint8)
    return np.packbits(observations.reshape(*observations.shape[:-3], -1), axis=-1)


def main(files):
    logging.disable(logging.WARNING)  # it warns that it lacks what it draws pictures with
    stream = Stream()
    np.random.RandomState = np.random.default_rng = stream
    import minatar

    for source, target in zip(files[::2], files[1::2], strict=True):
        play_file(minatar, stream, source, target)


def play_file(minatar, stream, source, target):
    given = dict(np.load(source, allow_pickle=True))
    game, options = str(given["game"]), given["options"].item()
    copies = range(given["actions"].shape[1])
    played = [play(minatar, stream, game, options, given["actions"][:, k], given["bits"][k]) for k in copies]
    finals = sorted((step, copy, state) for copy in copies for step, state in played[copy][1])
    seen = np.stack([one[0] for one in played], axis=1)
    np.savez(
        target,
        first=packed(seen[0]),
        observations=packed(seen[1:]),
        rewards=np.transpose([one[2] for one in played]),
        terminations=np.transpose([one[3] for one in played]),
        finals=packed([state for *_, state in finals]) if finals else np.zeros(0, np.uint8),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
