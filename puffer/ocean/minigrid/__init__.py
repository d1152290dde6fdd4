"""Grid worlds with a task, generated anew for each episode."""
