"""Everything that runs without the GIL: the step loop, its buffers, actions, threads, infos, rollouts and drawing."""
