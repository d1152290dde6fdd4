"""Grid worlds with a task, drawn again for each episode."""
