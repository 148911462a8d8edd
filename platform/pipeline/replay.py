"""A point measured again on a split, next to the baselines at the paper's point and at their best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.measure import Candidate, measure_all
from platform.backend.session import Session
from platform.cli.console import Console, chatter_to
from platform.cli.next_commands import command, common_flags
from platform.cli.tables import say_if_smoke, table_of_points, table_of_signals
from platform.pipeline.choice import against
from platform.pipeline.confirm import baseline_points, with_tests
from platform.pipeline.samples import files_of_samples
from platform.planning.replay import Replay
from platform.planning.setup import Setup
from typing import Any

from dashboards.points import ReportedPoint, as_json
from trainables.core.config import digest, identity
from trainables.core.errors import UsageError
from trainables.core.files import write_files, write_json
from trainables.evaluation.summary import summary


def replay(
    setup: Setup, how: Replay, point: Mapping[str, Any], console: Console, json_file: Path | None
) -> None:
    """Measure the point and the baselines, show them, keep samples of the point.

    Raises:
        UsageError: parts are missing, or the point's sampling fails.
    """
    _check_parts(setup)
    plan, log = setup.plan, Path(setup.storage.root) / "evaluate.log"
    setting = f"{setup.facts.title}, {plan.corruption}, {how.split} split"
    console.line(f"evaluate {plan.strategy} on {setting}; log: {log}")
    with chatter_to(log):
        with Cluster() as cluster:
            session = Session(setup, cluster, console)
            console.line(session.devices)
            with console.step("measure", "1/2 measuring the point and the baselines"):
                points = _measured_points(session, how, point)
        with console.step("samples", "2/2 drawing samples"):
            samples = _sample_files(setup, points, how.split, console)
    console.line()
    metric = setup.metric
    table_of_points(console, setting, against(points, points[0]), metric, metric.title)
    table_of_signals(console, points)
    say_if_smoke(console, plan.preset)
    if json_file is not None:
        files = {name: str(path) for name, path in samples.items()}
        summary = {"plan": setup.as_mapping(), "points": [as_json(p) for p in points]}
        write_json(json_file, {**summary, "files": files})
    console.line(f"samples:  {samples['samples.png']}")


def _check_parts(setup: Setup) -> None:
    """Refuse a point whose strategy, or a baseline, has no trained parts."""
    missing = setup.storage.parts.missing(setup.kinds, setup.task)
    if missing:
        words = setup.plan.strategy, setup.plan.dataset, *common_flags(setup)
        training = command("platform.train", *words)
        raise UsageError(
            f"parts that have not been trained: {', '.join(missing)}; train them by: {training}"
        )


def _measured_points(
    session: Session, how: Replay, point: Mapping[str, Any]
) -> list[ReportedPoint]:
    """The point, which is the first, and the baselines as measured on the split, with paired tests."""
    strategy = session.setup.plan.strategy
    replayed = ReportedPoint(strategy, strategy, "front", point)
    planned = [replayed, *baseline_points(session)]
    candidates = [Candidate(point.strategy, point.point) for point in planned]
    runs = measure_all(session, candidates, how.split, how.seeds)
    if not runs[0]:
        raise UsageError("the point cannot be measured: its sampling fails, see above")
    measurements = {point.label: run for point, run in zip(planned, runs, strict=True)}
    points = [
        replace(point, test=summary(measurements[point.label], session.setup.metric))
        for point in planned
        if measurements[point.label]
    ]
    return with_tests(points, measurements)


def _sample_files(
    setup: Setup, points: Sequence[ReportedPoint], split: str, console: Console
) -> dict[str, Path]:
    """Pictures and sounds of the split's first samples, restored by the first of the points; their
    paths by name.
    """
    replayed = points[0]
    name = digest([identity(setup.task), dict(replayed.point), split])
    folder = Path(setup.storage.root) / "evaluated" / f"{setup.plan.strategy}-{name}"
    with console.bar("reading the data") as bar:
        dataset = setup.storage.dataset(setup.task, bar.update)
        files = files_of_samples(setup, dataset, points, replayed, split, bar.update)
    return write_files(folder, files)
