"""A point measured again on a split, next to the baselines at the paper's point and at their best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.measure import Candidate, measure_all
from platform.backend.session import devices
from platform.cli.console import Console, chatter_to
from platform.cli.next_commands import command, common_flags
from platform.cli.tables import say_if_smoke, table_of_points, table_of_signals
from platform.pipeline.choice import against
from platform.pipeline.confirm import baseline_points, tested
from platform.pipeline.samples import files_of_samples
from platform.planning.plan import Plan
from platform.planning.replay import Replay
from typing import Any

from dashboards.points import ReportedPoint, as_json
from trainables.core.config import digest, identity
from trainables.core.errors import UsageError
from trainables.core.files import write_files, write_json
from trainables.evaluation.summary import summary


def replay(
    plan: Plan, how: Replay, point: Mapping[str, Any], console: Console, json_file: Path | None
) -> None:
    """Measure the point and the baselines, show them, keep samples of the point.

    Raises:
        UsageError: parts are missing, or the point's sampling fails.
    """
    _check_parts(plan)
    log = Path(plan.storage) / "evaluate.log"
    setting = f"{plan.facts.title}, {plan.corruption}, {how.split} split"
    console.line(f"evaluate {plan.strategy} on {setting}; log: {log}")
    with chatter_to(log):
        with Cluster() as cluster:
            console.line(devices(plan, cluster))
            with console.step("measure", "1/2 measuring the point and the baselines"):
                shown = _measured(plan, how, point, cluster, console)
        with console.step("samples", "2/2 drawing samples"):
            samples = _kept_samples(plan, shown, how.split, console)
    console.line()
    table_of_points(console, setting, against(shown, shown[0]), plan.metric, plan.metric.title)
    table_of_signals(console, shown)
    say_if_smoke(console, plan.preset)
    if json_file is not None:
        files = {name: str(path) for name, path in samples.items()}
        points = [as_json(p) for p in shown]
        write_json(json_file, {"plan": plan.as_mapping(), "points": points, "files": files})
    console.line(f"samples:  {samples['samples.png']}")


def _check_parts(plan: Plan) -> None:
    """Refuse a point whose strategy, or a baseline, has no trained parts."""
    missing = plan.places.parts.missing(plan.kinds, plan.task)
    if missing:
        training = command("platform.train", plan.strategy, plan.dataset, *common_flags(plan))
        raise UsageError(
            f"parts that have not been trained: {', '.join(missing)}; train them by: {training}"
        )


def _measured(
    plan: Plan, how: Replay, point: Mapping[str, Any], cluster: Cluster, console: Console
) -> list[ReportedPoint]:
    """The point and the baselines as measured on the split, with paired tests."""
    own = ReportedPoint(plan.strategy, plan.strategy, "front", point)
    chosen = [own, *baseline_points(plan, cluster, console)]
    candidates = [Candidate(shown.strategy, shown.point) for shown in chosen]
    runs = measure_all(plan, cluster, console, candidates, how.split, how.seeds)
    if not runs[0]:
        raise UsageError("the point cannot be measured: its sampling fails, see above")
    measured = {shown.label: found for shown, found in zip(chosen, runs, strict=True)}
    points = [
        replace(p, test=summary(measured[p.label], plan.metric))
        for p in chosen
        if measured[p.label]
    ]
    return tested(points, measured)


def _kept_samples(
    plan: Plan, shown: Sequence[ReportedPoint], split: str, console: Console
) -> dict[str, Path]:
    """Pictures and sounds of the split's first samples, restored by the point, which is the first of
    what is shown; their paths by name.
    """
    own = shown[0]
    name = digest([identity(plan.task), dict(own.point), split])
    folder = Path(plan.storage) / "evaluated" / f"{plan.strategy}-{name}"
    with console.bar("reading the data") as bar:
        dataset = plan.places.dataset(plan.task, bar.update)
        files = files_of_samples(plan, dataset, shown, own, split, bar.update)
    return write_files(folder, files)
