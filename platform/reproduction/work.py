"""What is reproduced, and its doing: what a table needs is trained, then measured at the paper's points."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from platform.backend.measure import Candidate, measure_all
from platform.backend.session import TrackedSession, run_each
from platform.cli import interrupts
from platform.cli.console import Console
from platform.cli.flags import plan_of
from platform.pipeline.prepare import prepare
from platform.planning.setup import Setup, kinds_of, setup_of
from platform.reproduction import paper_tables
from platform.reproduction.results import Result, corrected, percent_of, save

from dashboards.points import ReportedPoint
from trainables.core.errors import UsageError, check_range
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired, summary
from trainables.scoring.metric_names import STAGE_REPRODUCE, Metric


@dataclass(frozen=True)
class Work:
    """What is reproduced: a table at a number of steps, on some datasets and corruptions.

    Args:
        name: the table's, as one of `paper_tables.TABLES`.
        setups: one a dataset and corruption.
        steps: of each trajectory; as many as there are noise levels if None.
        folder: where the results go.
    """

    name: str
    setups: tuple[Setup, ...]
    steps: int | None
    folder: Path

    def table(self, setup: Setup) -> paper_tables.Table:
        """The paper's table, at the noise levels of a setup."""
        return paper_tables.TABLES[self.name](setup.task.recipe.T)

    @property
    def metric(self) -> Metric:
        """What the table reports."""
        return self.table(self.setups[0]).metric


def work_of(arguments: argparse.Namespace) -> Work:
    """The table that the command line asks for, with a setup for every dataset and corruption.

    Raises:
        UsageError: a plan is not possible, or not for this table.
    """
    setups = []
    table = paper_tables.TABLES[arguments.what](2)
    strategy = table.methods[-1].strategy
    for dataset in arguments.datasets or table.datasets:
        for corruption in arguments.corruptions or table.corruptions or (None,):
            setup = setup_of(
                plan_of(arguments, strategy=strategy, dataset=dataset, corruption=corruption)
            )
            _check_kind(arguments.what, setup, table)
            steps = 1 if arguments.steps is None else arguments.steps
            check_range("--steps", steps, 1, setup.task.recipe.T)
            setups.append(setup)
    plan = setups[0].plan
    name = f"{arguments.what}-{plan.preset}-seed{plan.seed}"
    name += "" if arguments.steps is None else f"-{arguments.steps}steps"
    folder = Path(plan.storage) / "reproduce" / name
    return Work(arguments.what, tuple(setups), arguments.steps, folder)


def _check_kind(name: str, setup: Setup, table: paper_tables.Table) -> None:
    """Refuse images for a table of speech, and the other way round."""
    kind, dataset = setup.facts.kind, setup.plan.dataset
    if kind != table.kind:
        raise UsageError(
            f"{name} is of {table.kind}, but {dataset} is of {kind}: choose another dataset, such as "
            f"{table.datasets[0]}"
        )


def results_of(work: Work, console: Console) -> tuple[list[Result], int]:
    """Results of every dataset and corruption, and the exit status; one that fails is reported and
    left out.
    """
    results: list[Result] = []
    left_out: list[str] = []
    log = work.folder / "reproduce.log"
    console.line(f"{work.name} on {len(work.setups)} settings; log: {log}")

    def reproduce(session: TrackedSession) -> None:
        try:
            results[:] = corrected([*results, *_results_of_setup(work, session)])
        except UsageError as error:  # data that are not there: the other settings' may be
            console.line(f"          left out: {error}")
            left_out.append(session.setup.setting)
            return
        save(results, work.folder, work.metric)

    status = run_each(work.setups, console, lambda setup: log, reproduce)
    return results, status or (interrupts.USAGE if left_out else 0)


def _results_of_setup(work: Work, session: TrackedSession) -> list[Result]:
    """Train what is missing, measure every method on the test split, record it."""
    setup, plan, tracker = session.setup, session.setup.plan, session.tracker
    table = work.table(setup)
    prepare(session, kinds_of(method.strategy for method in table.methods))
    steps = work.steps or setup.task.recipe.T
    candidates = [Candidate(m.strategy, m.point(steps)) for m in table.methods]
    runs = measure_all(session, candidates, "test")
    name = f"{work.name} {plan.corruption} {plan.preset} seed {plan.seed}"
    tracker.open(name, STAGE_REPRODUCE, {"split": "test"}, {"steps": steps})
    results = []
    for column, (method, candidate) in enumerate(zip(table.methods, candidates, strict=True)):
        if not runs[column]:
            continue
        metrics = summary(runs[column], setup.metric)
        point = ReportedPoint(method.label, method.strategy, "paper", candidate.point, test=metrics)
        tracker.confirmed(point)
        against = None if table.reference in (None, column) else runs[table.reference]
        test = asdict(paired(runs[column], against)) if against else None
        results.append(_result(table, setup, column, point, runs[column], test))
    tracker.finish("FINISHED")
    return results


def _result(
    table: paper_tables.Table,
    setup: Setup,
    column: int,
    point: ReportedPoint,
    measurements: Sequence[Measurement],
    test: Mapping[str, float] | None,
) -> Result:
    """The result of a table's method on a setup's data, beside the number that the paper reports.

    Args:
        table: the paper's.
        setup: data and corruption.
        column: the method's place in the table.
        point: what the method was measured at, with its metrics on the test split.
        measurements: of the method, one a seed.
        test: the paired test against the table's reference method, if there is one.
    """
    plan, method = setup.plan, table.methods[column]
    source = table.source(plan.dataset, plan.corruption)
    test_images = paper_tables.TEST_IMAGES.get(source, 0)
    percentage = table.percentage(plan.dataset, plan.corruption, column)
    return Result(
        dataset=setup.facts.title,
        corruption=plan.corruption,
        method=method.label,
        strategy=method.strategy,
        place=method.place,
        point=dict(point.point),
        ours=point.test,
        images=len(measurements[0].correct),
        seeds=len(measurements),
        paper=percent_of(percentage, test_images, table.metric),
        paper_images=test_images,
        test=test,
        paper_dataset=source,
    )
