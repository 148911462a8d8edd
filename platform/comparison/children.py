"""What the child runs of a sweep say: its confirmed points with their answers, and its trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from platform.backend.confirmed_run import ANSWERS, Answers, answers_of
from platform.cli.next_commands import recorded_command
from platform.comparison.artifacts import artifact_of
from platform.comparison.described import DescribedSweep, Note, plain
from platform.comparison.recorded import RecordedPoint, RecordedSweep, RecordedTrial
from typing import TYPE_CHECKING

from dashboards.comparison.sheet_file import NAME as GALLERY
from dashboards.points import ReportedPoint
from dashboards.runs import LABEL, REPLAY, STRATEGY, sampling_parameters, value_of
from trainables.core.errors import UsageError
from trainables.scoring.metric_names import (
    ACCURACY,
    ACCURACY_HIGH,
    ACCURACY_LOW,
    METRIC_OF_KIND,
    METRICS,
    NFE,
    STAGE_CONFIRM,
    STAGE_TRIAL,
    on_split,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ROLES = ("front", "paper", "baseline")
"""Why a confirmed point is reported."""
_LARGEST = 1e300  # MLflow has no infinity, but a number beyond this


def recorded_sweep(
    client: MlflowClient, sweep: DescribedSweep, runs: Sequence[Run]
) -> tuple[RecordedSweep | None, list[Note]]:
    """A sweep with its points and trials, made of the finished runs that are its children, the newest
    first, and notes; None for the sweep where no point is left.
    """
    points: dict[str, RecordedPoint] = {}
    trials: dict[int, RecordedTrial] = {}
    reasons: list[str] = []
    for run in runs:
        stage = run.data.tags.get("stage")
        try:
            if stage == STAGE_TRIAL:
                trial = _trial(run)
                trials.setdefault(trial.number, trial)
            elif stage == STAGE_CONFIRM:
                point = _point(run, sweep)
                points.setdefault(point.reported.label, point)
        except UsageError as error:
            reasons.append(f"{plain(run.info.run_name or run.info.run_id)!r} is left out: {error}")
    name = f"{sweep.strategy}, {sweep.setting.corruption}, seed {sweep.seed}"
    if len(reasons) > 1:
        reasons = [f"{reasons[0]}; as are {len(reasons) - 1} more of its runs"]
    if not any(point.reported.role != "baseline" for point in points.values()):
        reasons.append("it has no confirmed point of its own, and is left out")
        return None, _notes(sweep, name, reasons)
    complete = []
    for point in reversed(points.values()):  # in the order in which they were confirmed
        answers, reason = _answers(client, point)
        complete.append(replace(point, validation=answers.validation, test=answers.test))
        reasons += [reason] if reason else []
    gallery, reason = _file(client, sweep.run_id, GALLERY)
    reasons += [reason] if reason else []
    ordered = tuple(trials[number] for number in sorted(trials))
    recorded = RecordedSweep(
        sweep.strategy, sweep.setting, sweep.seed, sweep.run_id, tuple(complete), ordered, gallery
    )
    return recorded, _notes(sweep, name, reasons)


def _notes(sweep: DescribedSweep, name: str, reasons: Sequence[str]) -> list[Note]:
    return [Note(sweep.setting.title, f"{name}: {reason}") for reason in reasons]


def _point(run: Run, sweep: DescribedSweep) -> RecordedPoint:
    """A confirmed point of a sweep, without its answers.

    Raises:
        UsageError: its run lacks something.
    """
    tags = run.data.tags
    label, strategy, role = (tags.get(name, "") for name in (LABEL, STRATEGY, "role"))
    if not label or not strategy or role not in ROLES:
        raise UsageError("it lacks a label, a strategy or a role")
    metric = METRIC_OF_KIND[sweep.setting.kind]
    needed = (ACCURACY, ACCURACY_LOW, ACCURACY_HIGH, metric.name, metric.low, metric.high, NFE)
    validation, test = (metrics_on(run, split, needed) for split in ("validation", "test"))
    reported = ReportedPoint(plain(label), plain(strategy), role, _values(run), validation, test)
    command = recorded_command("platform.evaluate", tags.get(REPLAY, ""))
    return RecordedPoint(reported, run.info.run_id, command, (), ())


def _trial(run: Run) -> RecordedTrial:
    """A complete trial.

    Raises:
        UsageError: its run lacks something.
    """
    number = run.data.tags.get("trial", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise UsageError("it lacks the number of a trial")
    metrics = metrics_on(run, "validation", (ACCURACY, NFE))
    return RecordedTrial(int(number), _values(run), metrics, run.info.run_id)


def _values(run: Run) -> dict[str, object]:
    """A run's parameters, by their names."""
    params = sampling_parameters(run.data.params)
    return {plain(name): value_of(plain(text)) for name, text in params.items()}


def metrics_on(run: Run, split: str, needed: Sequence[str]) -> dict[str, float]:
    """A run's metrics on a split, by their names without it.

    Raises:
        UsageError: one that is needed is missing, or is no finite number.
    """
    logged = {name: run.data.metrics.get(on_split(split, name)) for name in METRICS}
    values = {n: v for n, v in logged.items() if v is not None and abs(v) < _LARGEST}
    lacks = [on_split(split, name) for name in needed if name not in values]
    if lacks:
        raise UsageError(f"it lacks {', '.join(lacks)}")
    return values


def _answers(client: MlflowClient, point: RecordedPoint) -> tuple[Answers, str]:
    """A point's answers, empty where they were not recorded or are damaged, and what is to be said."""
    content, reason = _file(client, point.run_id, ANSWERS)
    if content is None:
        return Answers(), reason and f"answers of {point.reported.label} are left out: {reason}"
    try:
        return answers_of(content), ""
    except UsageError as error:
        return (
            Answers(),
            f"answers of {point.reported.label} are damaged, and are left out: {error}",
        )


def _file(client: MlflowClient, run_id: str, name: str) -> tuple[bytes | None, str]:
    """A file of a run, None where there is none that can be read, and what is to be said of it."""
    try:
        return artifact_of(client, run_id, name), ""
    except UsageError as error:
        return None, f"{name} of run {run_id} cannot be read: {error}"
