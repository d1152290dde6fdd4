"""Batches that look at the values of every reset and step, for debugging: the option `check_values`."""
import numpy as np
from gymnasium.vector import AutoresetMode

from puffer.layout.values import RowValues

from puffer.native.batch cimport Batch


def batch_of(backend, spec, options, buffers, reader, *, independent_agents=False):
    """The `Batch` of these arguments, which checks values where the options ask for it."""
    kind = CheckedBatch if options.check_values else Batch
    return kind(backend, spec, options, buffers, reader, independent_agents=independent_agents)


cdef class CheckedBatch(Batch):
    """CheckedBatch(backend, spec, options, buffers, reader, *, independent_agents=False)
--

A batch that raises ValueError for observations outside their space, and for rewards that are not finite, of the rows
that take part; see `puffer.layout.values.RowValues`. As after an error of an environment, a reset makes it usable
again.
"""

    cdef object values

    def __cinit__(self, *arguments, **named):
        self.values = RowValues(self.spec.layout, self.agents_per_env)

    def reset(self, *, seed=None, mask=None, options=None):
        """See `Batch.reset`."""
        observations, info = Batch.reset(self, seed=seed, mask=mask, options=options)
        try:
            self.check_observations(np.arange(self.num_agents), observations)
        except ValueError as problem:
            self.failed(problem)
            raise
        return observations, info

    def step(self, actions):
        """See `Batch.step`."""
        return self.checked(Batch.step(self, actions))

    def recv(self):
        """See `Batch.recv`."""
        return self.checked(Batch.recv(self))

    def checked(self, result):
        """What a step has returned, when all of it is good."""
        observations, rewards, terminations, truncations, info = result
        rows = info["env_id"] if self.num_parts > 1 else np.arange(self.num_agents)
        ended = (terminations | truncations).nonzero()[0]
        try:
            self.values.check_rewards(rewards, rows)
            if self.options.autoreset_mode is AutoresetMode.SAME_STEP and len(ended):
                finals = np.stack(list(info["final_obs"][ended]))
                self.values.check_observations(finals, rows[ended], ", last observation of its episode")
            self.check_observations(rows, observations)
        except ValueError as problem:
            self.failed(problem)
            raise
        return result

    def check_observations(self, rows, observations):
        """Check those of the agents that take part; the rows of others are zero."""
        present = self.buffers.masks[rows]
        self.values.check_observations(observations[present], rows[present])
