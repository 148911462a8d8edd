"""What is reproduced, and its doing: what a table needs is trained, then measured at the paper's points."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.measure import Candidate, measure_all
from platform.backend.session import run_each
from platform.backend.tracking import Tracker
from platform.cli import interrupts
from platform.cli.console import Console
from platform.cli.flags import plan_of
from platform.pipeline.prepare import prepare
from platform.planning.plan import Plan, kinds_of
from platform.reproduction import paper_tables
from platform.reproduction.results import Result, corrected, percent_of, save

from dashboards.points import ReportedPoint
from trainables.core.errors import UsageError, check_range
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired, summary
from trainables.scoring.metric_names import STAGE_REPRODUCE, Metric


@dataclass(frozen=True)
class Work:
    """What is reproduced: a table at a number of steps, on some datasets and corruptions."""

    name: str
    plans: tuple[Plan, ...]
    steps: int | None
    folder: Path

    def table(self, plan: Plan) -> paper_tables.Table:
        return paper_tables.TABLES[self.name](plan.task.recipe.T)

    @property
    def metric(self) -> Metric:
        """What the table reports."""
        return self.table(self.plans[0]).metric


def work_of(asked: argparse.Namespace) -> Work:
    """The table that was asked for, with a plan for every dataset and corruption.

    Raises:
        UsageError: a plan is not possible, or not for this table.
    """
    plans = []
    table = paper_tables.TABLES[asked.what](2)
    strategy = table.methods[-1].strategy
    for dataset in asked.datasets or table.datasets:
        for corruption in asked.corruptions or table.corruptions or (None,):
            plan = plan_of(asked, strategy=strategy, dataset=dataset, corruption=corruption)
            _check_kind(asked.what, plan, table)
            steps = 1 if asked.steps is None else asked.steps
            check_range("--steps", steps, 1, plan.task.recipe.T)
            plans.append(plan)
    first = plans[0]
    name = f"{asked.what}-{first.preset}-seed{first.seed}"
    name += "" if asked.steps is None else f"-{asked.steps}steps"
    return Work(asked.what, tuple(plans), asked.steps, Path(first.storage) / "reproduce" / name)


def _check_kind(what: str, plan: Plan, table: paper_tables.Table) -> None:
    """Refuse images for a table of speech, and the other way round."""
    if plan.facts.kind != table.kind:
        raise UsageError(
            f"{what} is of {table.kind}, but {plan.dataset} is of {plan.facts.kind}: choose another "
            f"dataset, such as {table.datasets[0]}"
        )


def results_of(work: Work, console: Console) -> tuple[list[Result], int]:
    """Results of every dataset and corruption, and the exit status; one that fails is reported and
    left out.
    """
    results: list[Result] = []
    missing: list[str] = []
    log = work.folder / "reproduce.log"
    console.line(f"{work.name} on {len(work.plans)} settings; log: {log}")

    def one(plan: Plan, cluster: Cluster, tracker: Tracker) -> None:
        try:
            results[:] = corrected([*results, *_measured(work, plan, cluster, console, tracker)])
        except UsageError as error:  # data that are not there: the other settings' may be
            console.line(f"          left out: {error}")
            missing.append(plan.setting)
            return
        save(results, work.folder, work.metric)

    status = run_each(work.plans, console, lambda plan: log, one)
    return results, status or (interrupts.USAGE if missing else 0)


def _measured(
    work: Work, plan: Plan, cluster: Cluster, console: Console, tracker: Tracker
) -> list[Result]:
    """Train what is missing, measure every method on the test split, record it."""
    methods = work.table(plan).methods
    prepare(plan, cluster, console, tracker, kinds_of(method.strategy for method in methods))
    steps = work.steps or plan.task.recipe.T
    candidates = [Candidate(m.strategy, m.point(steps)) for m in methods]
    runs = measure_all(plan, cluster, console, candidates, "test")
    name = f"{work.name} {plan.corruption} {plan.preset} seed {plan.seed}"
    tracker.open(name, STAGE_REPRODUCE, {"split": "test"}, {"steps": steps})
    reference = work.table(plan).reference
    results = []
    for column, (method, candidate) in enumerate(zip(methods, candidates, strict=True)):
        if not runs[column]:
            continue
        shown = ReportedPoint(
            method.label,
            method.strategy,
            "paper",
            candidate.point,
            test=summary(runs[column], plan.metric),
        )
        tracker.confirmed(shown)
        against = None if reference in (None, column) else runs[reference]
        test = asdict(paired(runs[column], against)) if against else None
        results.append(_result(work, plan, method, column, shown, runs[column], test))
    tracker.finish("FINISHED")
    return results


def _result(
    work: Work,
    plan: Plan,
    method: paper_tables.Method,
    column: int,
    shown: ReportedPoint,
    measured: Sequence[Measurement],
    test: Mapping[str, float] | None,
) -> Result:
    table = work.table(plan)
    source = table.source(plan.dataset, plan.corruption)
    test_images = paper_tables.TEST_IMAGES.get(source, 0)
    reported = table.percentage(plan.dataset, plan.corruption, column)
    return Result(
        dataset=plan.facts.title,
        corruption=plan.corruption,
        method=method.label,
        strategy=method.strategy,
        place=method.place,
        point=dict(shown.point),
        ours=shown.test,
        images=len(measured[0].correct),
        seeds=len(measured),
        paper=percent_of(reported, test_images, table.metric),
        paper_images=test_images,
        test=test,
        paper_dataset=source,
    )
