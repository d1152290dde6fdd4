"""What the checks of an environment found."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class UnusableError(Exception):
    """What an environment returned is of a form with which a check cannot go on; the finding is in the report."""


@dataclass
class Finding:
    """A mistake, where it was seen first.

    Attributes
    ----------
    check : str
        Name of the check.
    observed : str
        What was seen: the call, the row, the value.
    advice : str
        What to change.
    count : int
        How often it was seen.
    """

    check: str
    observed: str
    advice: str
    count: int = 1

    def __str__(self) -> str:
        again = f" (seen {self.count} times)" if self.count > 1 else ""
        return f"{self.check}: {self.observed}{again}\n   {self.advice}"


class Report:
    """The findings about one environment. The same mistake is one finding, however often it is seen.

    Attributes
    ----------
    subject : str
        What was checked.
    problems : list of Finding
        Mistakes.
    suspicions : list of Finding
        What is legal and often a mistake.
    checks : list of str
        The names of the checks that ran.
    skipped : list of (str, str)
        Checks that could not be made, and why.
    """

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.problems: list[Finding] = []
        self.suspicions: list[Finding] = []
        self.checks: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        self.cause: Exception | None = None
        self._current = "making"

    def problem(self, observed: str, advice: str) -> None:
        """Note a mistake; `advice` tells mistakes of one check apart."""
        self._add(self.problems, observed, advice)

    def suspect(self, observed: str, advice: str) -> None:
        """Note something that is legal and often a mistake."""
        self._add(self.suspicions, observed, advice)

    def skip(self, reason: str, check: str | None = None) -> None:
        """Note that a check, by default the current one, or a part of it, could not be made."""
        if (check or self._current, reason) not in self.skipped:
            self.skipped.append((check or self._current, reason))

    def merge(self, other: Report) -> None:
        """Take over what a report about the same environment has."""
        for mine, findings in ((self.problems, other.problems), (self.suspicions, other.suspicions)):
            for finding in findings:
                self._current = finding.check
                self._add(mine, finding.observed, finding.advice)

    def begin(self, check: Callable[..., None]) -> None:
        """What is noted from now on is of this check."""
        self._current = check.__name__.replace("_", " ")
        if self._current not in self.checks:
            self.checks.append(self._current)

    def run(self, check: Callable[..., None], *arguments: Any) -> bool:
        """Make a check, a function whose name is that of the check. What the environment raises is a problem.

        Returns whether the check came to its end.
        """
        self.begin(check)
        try:
            check(*arguments)
            return True
        except UnusableError:
            return False
        except Exception as error:
            # An environment may raise anything, and must not keep the other checks from being made.
            self.cause = self.cause or error
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.problem(
                f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno}, in {last.name})",
                "the call is one that an environment has to answer; the traceback of the first such exception is above",
            )
            return False

    def __getstate__(self) -> dict[str, Any]:
        # An exception may hold what cannot be pickled.
        return {**self.__dict__, "cause": None}

    def _add(self, findings: list[Finding], observed: str, advice: str) -> None:
        for finding in findings:
            # Not by check: what is looked at after every call is seen by all of them.
            if finding.advice == advice:
                finding.count += 1
                return
        findings.append(Finding(self._current, observed, advice))

    def __str__(self) -> str:
        if not self.problems:
            lines = [f"{self.subject}: no problems in {len(self.checks)} checks ({', '.join(self.checks)})"]
        else:
            lines = [f"{self.subject}: {len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"]
        lines += [f"{number}. {finding}" for number, finding in enumerate(self.problems, 1)]
        lines += [f"?  {finding}" for finding in self.suspicions]
        lines += [f"-  {check}: not checked: {reason}" for check, reason in self.skipped]
        return "\n".join(lines)
