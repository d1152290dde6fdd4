"""The findings of checks, and the report that collects them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class UnusableError(Exception):
    """The form of a result stops the check. The report has the finding."""


@dataclass
class Finding:
    """A mistake, as it was seen first.

    Attributes
    ----------
    check : str
        Name of the check.
    observed : str
        The observation: the call, the row, the value.
    advice : str
        The change to make.
    count : int
        Number of times that it was seen.
    """

    check: str
    observed: str
    advice: str
    count: int = 1

    def __str__(self) -> str:
        again = f" (seen {self.count} times)" if self.count > 1 else ""
        return f"{self.check}: {self.observed}{again}\n   {self.advice}"


class Report:
    """The findings about one environment. A mistake that is seen several times is one finding.

    Attributes
    ----------
    subject : str
        Name of the environment.
    problems : list of Finding
        Mistakes.
    suspicions : list of Finding
        Legal behaviour that is often a mistake.
    checks : list of str
        Names of the checks that ran.
    skipped : list of (str, str)
        Checks that could not run, with the reasons.
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
        """Note a mistake. Mistakes with the same advice are one finding."""
        self._add(self.problems, observed, advice)

    def suspect(self, observed: str, advice: str) -> None:
        """Note legal behaviour that is often a mistake."""
        self._add(self.suspicions, observed, advice)

    def skip(self, reason: str, check: str | None = None) -> None:
        """Note that a check or a part of it could not run. By default it is the current check."""
        if (check or self._current, reason) not in self.skipped:
            self.skipped.append((check or self._current, reason))

    def merge(self, other: Report) -> None:
        """Add the findings of another report about the same environment."""
        for mine, findings in ((self.problems, other.problems), (self.suspicions, other.suspicions)):
            for finding in findings:
                self._current = finding.check
                self._add(mine, finding.observed, finding.advice)

    def begin(self, check: Callable[..., None]) -> None:
        """Begin a check. Further notes belong to it."""
        self._current = check.__name__.replace("_", " ")
        if self._current not in self.checks:
            self.checks.append(self._current)

    def run(self, check: Callable[..., None], *arguments: Any) -> bool:
        """Run a check, a function with the name of the check. An exception of the environment is a problem.

        Returns whether the check ran to its end.
        """
        self.begin(check)
        try:
            check(*arguments)
            return True
        except UnusableError:
            return False
        except Exception as error:
            # An environment may raise anything, and the other checks must run nevertheless.
            self.cause = self.cause or error
            last = traceback.extract_tb(error.__traceback__)[-1]
            self.problem(
                f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno}, in {last.name})",
                "let the environment handle this call; the traceback of the first such exception is above",
            )
            return False

    def __getstate__(self) -> dict[str, Any]:
        # An exception may hold objects that cannot be pickled.
        return {**self.__dict__, "cause": None}

    def _add(self, findings: list[Finding], observed: str, advice: str) -> None:
        for finding in findings:
            # Not by check, because all checks look at the results of every call.
            if finding.advice == advice:
                finding.count += 1
                return
        findings.append(Finding(self._current, observed, advice))

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        if not self.problems:
            lines = [f"{self.subject}: no problems in {len(self.checks)} checks ({', '.join(self.checks)})"]
        else:
            lines = [f"{self.subject}: {len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"]
        lines += [f"{number}. {finding}" for number, finding in enumerate(self.problems, 1)]
        lines += [f"?  {finding}" for finding in self.suspicions]
        lines += [f"-  {check}: not checked: {reason}" for check, reason in self.skipped]
        return "\n".join(lines)
