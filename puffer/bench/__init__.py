"""The benchmark: `python -m puffer.bench --help`.

`plan` has the environments to measure, `figures` the further figures, and `peers` the systems to compare with.
`contenders` has the loop under the clock, which is the same for every system; it also runs as a program in a process of
its own. The stop-watch and the tables are in `puffer.measuring`.
"""
