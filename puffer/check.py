"""`python -m puffer.check NAME`: find the classic mistakes in an environment with `puffer.check_env`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import puffer
from puffer.measuring.tables import console
from puffer.programs import FAILED, Parser, attribute, integer, refusals, run

_DESCRIPTION = """\
Reset and step an environment in many ways, and list its mistakes, and what is legal but often a mistake."""


def main(argv: Sequence[str]) -> int:
    """Run the program with the arguments `argv`; returns FAILED if the environment has mistakes, else 0."""
    parser = Parser("python -m puffer.check", _DESCRIPTION)
    add = parser.add_argument
    add("env", help="a name of puffer.make, the path of a .pyx file, or MODULE:ATTRIBUTE of an environment")
    add("--steps", type=integer, default=1000, help="random steps (default: 1000)")
    add("--seed", type=int, default=0, help="of the checks (default: 0)")
    given = parser.parse_args(argv)
    out = console()
    _, colon, rest = given.env.partition(":")
    with refusals(parser), warnings.catch_warnings():
        # The suspicions, which the report has as well.
        warnings.simplefilter("ignore", puffer.CheckWarning)
        env = attribute(given.env) if colon and rest.isidentifier() else given.env
        try:
            report = puffer.check_env(env, steps=given.steps, seed=given.seed)
        except puffer.CheckFailed as error:
            out.print(str(error), style="red", markup=False, soft_wrap=True)
            return FAILED
    for finding in report.suspicions:
        out.print(f"suspicion: {finding}", style="yellow", markup=False, soft_wrap=True)
    out.print(f"no mistakes in {len(report.checks)} checks of {given.env}", style="green", markup=False)
    return 0


if __name__ == "__main__":
    run(main)
