"""The doing of `transfer`: what is missing is trained, points are measured and recorded."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from platform.backend.candidates import Candidate
from platform.backend.measure import measure_under
from platform.backend.session import TrackedSession
from platform.cli.flags import EVERY
from platform.cli.plans import plan_of
from platform.pipeline.prepare import prepare, read, spread_of
from platform.planning.locations import writable_storage
from platform.planning.setup import Setup, kinds_of, setup_of
from platform.robustness.points import UNSWEPT, points_of
from typing import Any

from dashboards.points import ReportedPoint
from trainables import strategies
from trainables.core.errors import UsageError, unknown_name
from trainables.core.places import workspace
from trainables.data import corruptions, datasets
from trainables.data.dataset import Facts
from trainables.data.degradation import NONE, Degradation, degradation_of, path_name
from trainables.data.resolution import reduced_sides
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired, summary
from trainables.scoring.metric_names import STAGE_TRANSFER
from trainables.training import stages

USUAL_RESOLUTION = Degradation(NONE, 0.5)
"""The reduced resolution that is tested unless the command line names degradations."""


@dataclass(frozen=True)
class Work:
    """What is measured.

    Args:
        setups: one a condition that parts are trained under.
        tested: the degradations that points are measured under, those of the setups first.
        names: of the strategies; empty for those that were swept.
        every: whether all points that sweeps confirmed are measured, not one a strategy alone.
        folder: where the results go.
    """

    setups: tuple[Setup, ...]
    tested: tuple[Degradation, ...]
    names: tuple[str, ...]
    every: bool
    folder: Path


@dataclass(frozen=True)
class Row:
    """A point whose parts were trained under one condition, as it was measured.

    Args:
        point: the point.
        trained: what signals were degraded by in training.
        compared: whether it is its strategy's point in comparisons: its parts were trained on degraded
            signals, and it is not just one more that was confirmed.
        restores: whether a diffusion restores the signal for it.
        runs: measurements on the test split, one a seed, by what signals are degraded by.
    """

    point: ReportedPoint
    trained: Degradation
    compared: bool
    restores: bool
    runs: Mapping[Degradation, Sequence[Measurement]]

    def metrics(self, tested: Degradation) -> dict[str, float]:
        """The metrics under a degradation."""
        return summary(self.runs[tested])

    def as_json(self) -> dict[str, Any]:
        """The row in JSON types."""
        return {
            "label": self.point.label,
            "strategy": self.point.strategy,
            "point": dict(self.point.point),
            "trained": self.trained.written,
            "compared": self.compared,
            "tested": {tested.written: self.metrics(tested) for tested in self.runs},
        }


def work_of(namespace: argparse.Namespace) -> Work:
    """What the command line asks for.

    Raises:
        UsageError: a plan is not possible, a degradation is unknown, or the answers are sentences.
    """
    first = (namespace.strategies or UNSWEPT)[0]
    writable_storage(namespace.storage)
    plan = plan_of(namespace, strategy=first, corruption=None)
    setup = setup_of(replace(plan, strategy="noisy"))
    if setup.facts.answers == "sentence":
        raise UsageError(
            f"transfer compares answers that are right or wrong, which the sentences of {plan.dataset} are "
            "not: choose a dataset of words, such as fsdd-babble"
        )
    facts = setup.facts
    trained = [_checked(one, facts) for one in namespace.trained or (plan.corruption,)]
    usual = facts.corruptions
    if facts.kind == "image":
        usual = *corruptions.names(), USUAL_RESOLUTION.written
    tested = [_checked(one, facts) for one in namespace.tested or usual]
    setups = tuple(
        setup_of(replace(plan, corruption=one.corruption, resolution=one.resolution))
        for one in dict.fromkeys(trained)
    )
    columns = tuple(dict.fromkeys([*trained, *tested]))
    if len(columns) < 2:
        raise UsageError(
            f"only {columns[0].written} is trained and tested: name another by --tested, such as blur"
        )
    names = tuple(dict.fromkeys(namespace.strategies or ()))
    return Work(setups, columns, names, namespace.points == "all", _folder(setups))


def _checked(written: str, facts: Facts) -> Degradation:
    """The degradation that a word stands for.

    Raises:
        UsageError: the data are not corrupted so, or have no such resolution.
    """
    degradation = degradation_of(written)
    if degradation.corruption not in facts.corruptions:
        raise unknown_name("corruption", degradation.corruption, facts.corruptions)
    if degradation.resolution != 1:
        if facts.kind == "speech":
            raise UsageError(f"{written} has a resolution, but speech has none: leave it out")
        reduced_sides(facts.signal_shape, degradation.resolution)
    return degradation


def _folder(setups: Sequence[Setup]) -> Path:
    """The folder of the results, named after what parts are trained under."""
    plan = setups[0].plan
    conditions = "-".join(path_name(setup.plan.condition) for setup in setups)
    name = f"{plan.dataset}-{conditions}-{plan.preset}-seed{plan.seed}"
    return workspace(plan.storage) / "transfer" / name


def rows_of(work: Work, session: TrackedSession) -> list[Row]:
    """Train what is missing under a session's condition, and measure every point under all degradations;
    a point that fails under its own is left out.
    """
    setup = session.setup
    main = points_of(setup, work.names, every=False)
    points = points_of(setup, work.names, every=work.every)
    prepare(session, kinds_of(point.strategy for point in points))
    _build(work, session)
    session.console.line(
        f"          {len(points)} points are measured under {len(work.tested)} degradations"
    )
    candidates = [Candidate(point.strategy, point.point) for point in points]
    measured = measure_under(session, candidates, "test", work.tested)
    trained = setup.plan.degradation
    rows = []
    for point, columns in zip(points, measured, strict=True):
        runs = {tested: run for tested, run in zip(work.tested, columns, strict=True) if run}
        if trained in runs:
            compared = point in main and _is_trained_degraded(point.strategy)
            restores = summary(runs[trained])["nfe_signal"] > 0
            rows.append(Row(point, trained, compared, restores, runs))
    return rows


def _build(work: Work, session: TrackedSession) -> None:
    """Build the data that are tested, where their corruption is made before they are used."""
    plan = session.setup.plan
    if not datasets.must_be_built(plan.dataset):
        return
    for tested in work.tested:
        if tested != plan.degradation:
            other = setup_of(replace(plan, corruption=tested.corruption))
            read(other, session.console, spread=spread_of(session))


def _is_trained_degraded(strategy: str) -> bool:
    """Whether a strategy samples with parts that were trained on degraded signals."""
    return any(stages.load(kind).USES_CORRUPTION for kind in strategies.load(strategy).PARTS)


def record(session: TrackedSession, rows: Sequence[Row], files: Sequence[Path]) -> None:
    """Record a condition's rows in MLflow: a parent run with a child run a point and degradation, and the
    files.
    """
    plan, tracker = session.setup.plan, session.tracker
    trained = plan.degradation
    name = f"transfer {plan.condition} {plan.preset} seed {plan.seed}"
    tags = {"split": "test", "trained": trained.text, "strategy": EVERY}
    tracker.open(name, STAGE_TRANSFER, tags, {})
    cells = [(row, tested) for row in rows for tested in row.runs]
    with session.console.bar("recording the points") as bar:
        for row, tested in bar.each(cells):
            point, tests = row.point, {}
            if tested != trained:
                tests[trained.text] = asdict(paired(row.runs[tested], row.runs[trained]))
            label = f"{point.label} under {tested.text}"
            reported = replace(point, label=label, test=row.metrics(tested), tests=tests)
            tags = {"stage": STAGE_TRANSFER, "trained": trained.text, "tested": tested.text}
            tracker.confirmed(reported, extra=tags)
    for path in files:
        tracker.artifact(path, path.parent)
    tracker.finish("FINISHED")
