"""The benchmark: `python -m puffer.bench --help`.

How it measures is in `measuring`, what it measures in `plan` and `figures`, against whom in `peers`; `worker` has
the loop under the clock, the same for every system, and also runs as a program in a process of its own.
"""
