"""The benchmark: `python -m puffer.bench --help`.

`plan` has the environments to measure, `figures` the further figures, and `peers` the systems to compare with.
`contenders` has the loop under the clock, which is the same for every system; it also runs as a program in a process of
its own. The stop-watch and the tables are in `puffer.measuring`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from puffer.bench.table import ShownReport


def measure(*arguments: str) -> ShownReport:
    """Measure as `python -m puffer.bench` does with these arguments, in a notebook or a program.

    Parameters
    ----------
    *arguments : str
        As on the command line: `measure("cartpole", "--num-envs", "64", "--compare", "none")`.

    Returns
    -------
    Report
        Its `results`, `as_json()` and `as_csv()`; a notebook shows its tables.

    Raises SystemExit for a wrong argument. Raises ValueError for --list, --json, --csv and --plot: only the program has
    them.
    """
    # The program, which imports much, is imported when it runs.
    from puffer.bench.arguments import parse
    from puffer.bench.program import measured

    options = parse(arguments)
    if options.list_envs or options.json or options.csv or options.plot:
        raise ValueError(
            "measure lists nothing and writes no files: leave out --list, --json, --csv and --plot, "
            "and use as_json() or as_csv() of the report"
        )
    return measured(options)
