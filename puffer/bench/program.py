"""The program: measures the environments that the command line names, and shows the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from puffer.bench import contenders, figures, listing, machine, plan, plot, table
from puffer.bench.arguments import PROGRAM, Options, parse
from puffer.bench.limit import Limit
from puffer.bench.peers import PeerError, Peers
from puffer.bench.plan import Case
from puffer.bench.report import Report, Result
from puffer.measuring.stopwatch import interleave
from puffer.measuring.tables import counted
from puffer.programs import FAILED, INTERRUPTED, refuse


def main(argv: Sequence[str]) -> int:
    """Run the program with the arguments `argv`; returns its exit status. Exits itself if an argument is wrong."""
    options = parse(argv)
    if options.list_envs:
        return listing.show(options.envs, options.is_installed)
    try:
        return _run(options)
    except OSError as error:
        # A file that could be written when the program began cannot be written any more.
        refuse(PROGRAM, plan.one_line(error))


def _run(options: Options) -> int:
    report = measured(options)
    _show(report, options)
    if report.interrupted:
        return INTERRUPTED
    return 0 if report.results else FAILED


def measured(options: Options) -> table.ShownReport:
    """Measure what the options ask for. Exits with one line if an environment that they name cannot be made."""
    envs, reasons = plan.usable(options.envs or plan.DEFAULT_ENVS)
    if options.envs and reasons:
        refuse(PROGRAM, next(iter(reasons.values())))
    cases = plan.cases(envs, options.copies, options.threads)
    report = table.ShownReport(
        settings={
            "envs": envs,
            "num_envs": list(options.copies),
            "num_threads": list(options.threads),
            "repeats": options.repeats,
            "seconds": plan.seconds_per_case(len(cases)) if options.seconds is None else options.seconds,
        },
        machine=machine.describe(),
        peer_names=list(options.peers),
        notes=[f"{name} was not measured: {reason}" for name, reason in reasons.items()],
    )
    with _Run(report, Peers(options.peers), Limit()) as run:
        run.measure(cases, list(figures.DEFINITIONS) if options.figures else [])
    return report


def _show(report: Report, options: Options) -> None:
    table.show(report)
    if options.json is not None:
        options.json.write_text(report.as_json())
    if options.csv is not None:
        options.csv.write_text(report.as_csv())
    if options.plot is not None and report.results:
        plot.draw(report, options.plot)


class _Run:
    """A run that fills a report. As a context, it ends the peers' processes."""

    def __init__(self, report: Report, peers: Peers, limit: Limit) -> None:
        self.report = report
        self.peers = peers
        self.limit = limit
        self.seconds: float = report.settings["seconds"]
        self.repeats: int = report.settings["repeats"]

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.peers.close()

    def measure(self, cases: Sequence[Case], figure_names: Sequence[str]) -> None:
        """Fill the report. An interrupt ends it early."""
        try:
            with _progress(len(cases) + len(figure_names)) as progress:
                for case in cases:
                    progress.step(f"{case.env}, {counted(case.copies, 'copy')}, {counted(case.threads, 'thread')}")
                    self._measure_case(case)
                for name in figure_names:
                    progress.step(figures.DEFINITIONS[name].title)
                    self._measure_figure(name)
        except KeyboardInterrupt:
            self.report.interrupted = True
        self.report.versions = self.peers.versions
        self.report.notes += self._notes()

    def _measure_case(self, case: Case) -> None:
        spec = {"system": "puffer", "id": case.env, "num_envs": case.copies, "num_threads": case.threads}
        try:
            with ExitStack() as made:
                ours, live = (
                    made.enter_context(closing(contenders.make({**spec, **entries})))
                    for entries in ({"reads": True}, {"options": {"copy": False}})
                )
                self.report.results.append(self._against_peers(case, ours, live))
        except Exception as error:  # an environment may raise anything; the others are measured all the same
            self._note(f"{case.env} with {counted(case.copies, 'copy')} was not measured: {plan.one_line(error)}")

    def _against_peers(self, case: Case, ours: contenders.Contender, live: contenders.Contender) -> Result:
        """Measure a case, and again without a peer that fails."""
        limits: list[float | None] = []

        def after_round(turn: int) -> None:
            if turn == self.repeats // 2:
                limits.append(self.limit.steps_per_second(case.env, case.copies))

        while True:
            opponents = self.peers.opponents(case, ours.rows)
            try:
                turns = [ours, live, *opponents.values()]
                first, second, *others = interleave(turns, self.seconds, self.repeats, after_round)
            except PeerError as error:
                self.peers.failed(error.name, case, error)
            else:
                return Result(case, first, second, dict(zip(opponents, others, strict=True)), limits[-1])

    def _measure_figure(self, name: str) -> None:
        definition = figures.DEFINITIONS[name]
        if figures.possible(definition):
            self.report.figures.append(figures.measure(name, definition, self.seconds, self.repeats))
        else:
            self._note(f"not measured, since it needs a second core: {definition.title}")

    def _note(self, text: str) -> None:
        if text not in self.report.notes:
            self.report.notes.append(text)

    def _notes(self) -> Iterator[str]:
        """Remarks about the peers and the limit, complete when everything has been measured."""
        for name, pip in self.peers.absent.items():
            yield f"{name} is not installed: {pip}"
        for name, envs in self.peers.without.items():
            if name not in self.peers.absent:
                yield f"{name} has no environment like {', '.join(envs)}"
        for (name, env), trouble in self.peers.troubles.items():
            yield f"{name} on {env}: {trouble}"
        if self.limit.problem:
            yield f"There is no share of the limit: {self.limit.problem}"


class _Steps:
    """A bar on standard error. It has no thread that redraws it, since that would run inside the slices."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total)
        self._begun = 0

    def step(self, description: str) -> None:
        """Go on to the next line of the table or figure."""
        self._progress.update(self._task, completed=self._begun, description=description)
        self._progress.refresh()
        self._begun += 1


@contextmanager
def _progress(total: int) -> Iterator[_Steps]:
    columns = (BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, auto_refresh=False, disable=quiet) as progress:
        yield _Steps(progress, total)
