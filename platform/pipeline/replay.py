"""A point measured again on a split, next to the baselines at the paper's point and at their best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from platform.backend.candidates import Candidate
from platform.backend.cluster import Cluster
from platform.backend.mirror import mirrored
from platform.backend.session import Session
from platform.cli.comma_lists import SEPARATOR
from platform.cli.console import Console, chatter_to
from platform.cli.next_commands import command, common_flags
from platform.cli.tables import say_if_smoke, table_of_points, table_of_signals
from platform.pipeline.choice import against
from platform.pipeline.confirm import baseline_points, measured_at_seeds, with_tests
from platform.pipeline.drawn import drawing_key, drawn_files, keep_drawn
from platform.pipeline.sampled_points import DRAWN, beside_baselines, sampled_points
from platform.planning.replay import Replay
from platform.planning.setup import Setup, kinds_of
from typing import Any

from dashboards.points import ReportedPoint, as_json
from trainables.core.config import digest, identity
from trainables.core.errors import UsageError
from trainables.core.files import write_files, write_json
from trainables.core.places import workspace
from trainables.evaluation.summary import summary, summary_over_seeds


def replay(
    setups: Sequence[Setup],
    how: Replay,
    point: Mapping[str, Any],
    console: Console,
    json_file: Path | None,
) -> None:
    """Measure the point and the baselines, show them, keep samples of the point.

    Args:
        setups: one a training seed; samples are drawn with the parts of the first.
        how: the split and the number of samplings.
        point: the sampling parameters.
        console: what is measured is shown there.
        json_file: where a summary is written; none if None.

    Raises:
        UsageError: parts are missing, or the point's sampling fails.
    """
    _check_parts(setups)
    setup = setups[0]
    plan, log = setup.plan, workspace(setup.storage.root) / "evaluate.log"
    setting = f"{setup.facts.title}, {plan.condition}, {how.split} split{_seeds_text(setups)}"
    console.line(f"evaluate {plan.strategy} on {setting}; log: {log}")
    with mirrored(plan.storage), chatter_to(log):
        with Cluster() as cluster:
            sessions = [Session(setup, cluster, console) for setup in setups]
            cluster.check_nodes(setup)
            console.line(sessions[0].devices)
            with console.step("measure", "1/2 measuring the point and the baselines"):
                points, per_seed = _measured_points(sessions, how, point)
        with console.step("samples", "2/2 drawing samples"):
            samples = _sample_files(setup, points, how.split, console)
    console.line()
    metric = setup.metric
    table_of_points(console, setting, against(points, points[0]), metric, metric.title, top5=True)
    table_of_signals(console, points)
    say_if_smoke(console, plan.preset)
    if json_file is not None:
        files = {name: str(path) for name, path in samples.items()}
        summary: dict[str, Any] = {
            "plan": setup.as_mapping(),
            "points": [as_json(p) for p in points],
        }
        if len(setups) > 1:
            summary["training_seeds"] = [s.plan.seed for s in setups]
            summary["points"] = [as_json(p) | {"per_seed": per_seed[p.label]} for p in points]
        write_json(json_file, {**summary, "files": files})
    console.line(f"samples:  {samples['samples.png']}")


def _seeds_text(setups: Sequence[Setup]) -> str:
    """The training seeds, in words that follow others; empty where there is one."""
    numbers = ", ".join(str(setup.plan.seed) for setup in setups)
    return f", training seeds {numbers}" if len(setups) > 1 else ""


def _check_parts(setups: Sequence[Setup]) -> None:
    """Refuse a point whose strategy, or a baseline, has no trained parts at one of the seeds."""
    missing: dict[int, list[str]] = {}
    trainings: list[str] = []
    for setup in setups:
        kinds = setup.storage.parts.missing(setup.kinds, setup.task)
        if kinds:
            missing[setup.plan.seed] = kinds
            trainings.append(_training(setup))
    if missing:
        listing = "; ".join(
            (f"at seed {seed} " if len(setups) > 1 else "") + ", ".join(kinds)
            for seed, kinds in missing.items()
        )
        raise UsageError(
            f"parts that have not been trained: {listing}; train them by: {' && '.join(trainings)}"
        )


def _training(setup: Setup) -> str:
    """The command that trains what is missing of the strategy and of the baselines."""
    names: list[str] = []
    trained: set[str] = set()
    for name in (setup.plan.strategy, *setup.baselines):
        missing = setup.storage.parts.missing(kinds_of([name]), setup.task)
        if not trained.issuperset(missing):
            trained.update(missing)
            names.append(name)
    words = SEPARATOR.join(names), setup.plan.dataset, *common_flags(setup)
    return command("platform.train", *words)


def _measured_points(
    sessions: Sequence[Session], how: Replay, point: Mapping[str, Any]
) -> tuple[list[ReportedPoint], dict[str, dict[str, dict[str, float]]]]:
    """The point, which is the first, and the baselines as measured on the split, with paired tests; and
    their metrics at each training seed, by label and seed.
    """
    setup = sessions[0].setup
    replayed = ReportedPoint(setup.plan.strategy, setup.plan.strategy, "front", point)
    planned = [replayed, *baseline_points(sessions)]
    candidates = [Candidate(point.strategy, point.point) for point in planned]
    groups = measured_at_seeds(sessions, candidates, how.split, how.seeds)
    if not groups[0]:
        raise UsageError("the point cannot be measured: its sampling fails, see above")
    measurements = {p.label: group for p, group in zip(planned, groups, strict=True) if group}
    points = [
        replace(p, test=summary_over_seeds(measurements[p.label], setup.metric))
        for p in planned
        if p.label in measurements
    ]
    per_seed = {
        label: {
            str(session.setup.plan.seed): summary(measurements_of_seed, setup.metric)
            for session, measurements_of_seed in zip(sessions, group, strict=True)
        }
        for label, group in measurements.items()
    }
    return with_tests(points, measurements), per_seed


def _sample_files(
    setup: Setup, points: Sequence[ReportedPoint], split: str, console: Console
) -> dict[str, Path]:
    """Pictures and sounds of the split's first samples, restored by the first of the points; their
    paths by name.
    """
    replayed = points[0]
    name = digest([identity(setup.task), dict(replayed.point), split])
    folder = workspace(setup.storage.root) / "evaluated" / f"{setup.plan.strategy}-{name}"
    shown = beside_baselines(points, replayed, ["enhanced"])
    key = drawing_key([name, setup.plan.precision, [as_json(point) for point in shown]])
    kept = drawn_files(folder, key, run="")
    if kept is not None:
        console.line("          the samples are drawn already")
        return kept
    # With what draws, which takes half a second to load.
    from platform.pipeline.samples import files_of_samples

    with console.bar("reading the data") as bar:
        dataset = setup.storage.dataset(setup.task, bar.update)
        count = DRAWN[setup.facts.kind]
        sampled = sampled_points(setup, dataset, shown, count, split, bar.update)
        files = write_files(folder, files_of_samples(sampled))
    keep_drawn(folder, key, "", files)
    return files
