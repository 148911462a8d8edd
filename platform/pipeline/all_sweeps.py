"""Sweeps of several strategies, `python -m platform.sweep all DATASET`: one each, with the same budget, then
all compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from platform.backend.session import TrackedSession, run_each
from platform.cli import interrupts
from platform.cli.console import Console
from platform.cli.failures import goes_on
from platform.cli.next_steps import page_address, page_steps
from platform.cli.tables import paragraphs, table
from platform.pipeline import one_sweep
from platform.pipeline.choice import Choice
from platform.pipeline.confirm import Confirmation
from platform.pipeline.headline import notes, verdict
from platform.pipeline.side_by_side import sweep_each, sweeps_side_by_side
from platform.planning.setup import Setup

from dashboards.curves import fronts_figure
from dashboards.figure_files import figure_files
from dashboards.points import ReportedPoint, as_json, result, to_csv
from trainables.core.config import digest
from trainables.core.files import write_files, write_json
from trainables.scoring.metric_names import ACCURACY, Metric
from trainables.scoring.statistics import holm


def run_all(
    setups: Sequence[Setup],
    console: Console,
    json_file: Path | None,
    namespace: argparse.Namespace,
) -> int:
    """Sweep every setup, then compare; returns the exit status, that of the last failure if any.

    Where several are swept side by side, what each has come to is read again from the storage.

    Args:
        setups: one a strategy.
        console: what tells of it.
        json_file: where a summary for scripts goes, if anywhere.
        namespace: the words that the setups are made of.

    Raises:
        UsageError: several are to be swept at a time, and no cluster is joined.
    """
    count = sweeps_side_by_side(setups, namespace.side_by_side, console)
    if count == 1:
        return _one_by_one(setups, console, json_file)
    try:
        statuses = sweep_each(setups, namespace, count, console)
    except KeyboardInterrupt:
        console.line(f"\ninterrupted: {goes_on()}")
        return interrupts.INTERRUPTED
    status = next((status for status in reversed(statuses.values()) if status), 0)
    done = [setup for setup in setups if not statuses[setup.plan.strategy]]
    if not done:
        return status
    console.line(f"\n{len(done)} strategies are swept: comparing them, from the storage\n")
    kept = [replace(setup, plan=replace(setup.plan, fresh=False)) for setup in done]
    return _one_by_one(kept, console, json_file) or status


def _one_by_one(setups: Sequence[Setup], console: Console, json_file: Path | None) -> int:
    """Sweep every setup in this process, then compare; returns the exit status."""
    confirmations: list[Confirmation] = []
    experiments: set[str] = set()

    def work(session: TrackedSession) -> None:
        experiments.add(session.tracker.experiment)
        confirmation = one_sweep.sweep(session, None).confirmation
        confirmations.append(confirmation)
        chosen, setup = confirmation.choice.cheapest, session.setup
        console.line(f"          {result(chosen, setup.metric, setup.cost)}; in {setup.folder}\n")

    status = run_each(setups, console, lambda setup: setup.folder / "sweep.log", work)
    if confirmations and status != interrupts.INTERRUPTED:
        _compare(setups, confirmations, console, experiments.pop(), json_file)
    return status


def _folder(setups: Sequence[Setup]) -> Path:
    """Where the comparison goes: beside the sweeps."""
    return setups[0].folder.parent / f"all-{digest([setup.sweep_id for setup in setups])}"


def _compare(
    setups: Sequence[Setup],
    confirmations: Sequence[Confirmation],
    console: Console,
    experiment: str,
    json_file: Path | None,
) -> None:
    """A table of the strategies' best and the paper's points, the fronts in one figure."""
    setup, folder = setups[0], _folder(setups)
    chosen, fronts = _compared_points(confirmations)
    files = {
        **figure_files("fronts", fronts_figure(setup.setting, fronts, setup.metric, setup.cost)),
        "points.csv": to_csv(chosen).encode(),
    }
    write_files(folder, files)
    summary = {"plans": [s.as_mapping() for s in setups], "points": [as_json(p) for p in chosen]}
    write_json(folder / "summary.json", summary)
    if json_file is not None:
        write_json(json_file, summary)
    console.line()
    table(setup, console, "strategies", [replace(p, tests={}) for p in chosen])
    console.line()
    paragraphs(console, "found:", _ranking(confirmations, setup.metric))
    console.line(f"figure:   {folder / 'fronts.png'}")
    console.line(f"table:    {folder / 'points.csv'}")
    console.line(f"MLflow:   {page_address(setup.plan.tracking_uri, experiment)}")
    for purpose, command in page_steps(setup).items():
        console.line(f"{purpose}:\n  {command}")


def _compared_points(
    confirmations: Sequence[Confirmation],
) -> tuple[list[ReportedPoint], list[ReportedPoint]]:
    """The points of the table: every strategy's best and the paper's, and the baselines; and those of
    the figure: every confirmed point, and the baselines again, which are the same in all sweeps.
    """
    baselines = {
        point.label: point
        for confirmation in confirmations
        for point in confirmation.points
        if point.role == "baseline"
    }
    chosen: list[ReportedPoint] = []
    for confirmation in confirmations:
        papers = [
            point
            for point in confirmation.points
            if point.role == "paper" and point.label not in baselines
        ]
        best = confirmation.choice.best
        best = replace(best, label=f"{best.strategy} (best on validation)")
        chosen += [p for p in (best, *papers) if p.point != best.point or p is best]
    confirmed = [point for confirmation in confirmations for point in confirmation.points]
    return [*chosen, *baselines.values()], [*confirmed, *baselines.values()]


def _ranking(confirmations: Sequence[Confirmation], metric: Metric) -> list[str]:
    """What each strategy's choice on validation did on the test split, best first, and how it compares
    with the baselines.
    """
    choices = sorted(
        _corrected_together(confirmations), key=lambda choice: -choice.cheapest.test[ACCURACY]
    )
    lines = [line for choice in choices for line in verdict(choice, metric)]
    return [*lines, *dict.fromkeys(line for choice in choices for line in notes(choice, metric))]


def _corrected_together(confirmations: Sequence[Confirmation]) -> list[Choice]:
    """The sweeps' choices, with the tests of their points corrected for all tests of all sweeps."""
    keys, p_values = [], []
    for number, confirmation in enumerate(confirmations):
        for point in confirmation.points:
            keys += [(number, point.label, baseline) for baseline in point.tests]
            p_values += [test["p_value"] for test in point.tests.values()]
    corrected = dict(zip(keys, holm(p_values), strict=True))

    def with_p(number: int, point: ReportedPoint) -> ReportedPoint:
        tests = {
            baseline: {**test, "p_holm": corrected[number, point.label, baseline]}
            for baseline, test in point.tests.items()
        }
        return replace(point, tests=tests)

    return [
        replace(
            choice,
            best=with_p(number, choice.best),
            cheapest=with_p(number, choice.cheapest),
            tests=len(keys),
        )
        for number, choice in enumerate(confirmation.choice for confirmation in confirmations)
    ]
