"""A point measured again on a split, next to the baselines at the paper's point and at their best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.measure import Candidate, measure_all
from platform.backend.session import devices
from platform.cli.console import Console, chatter_to
from platform.cli.tables import table_of_signals
from platform.pipeline.confirm import baseline_points, tested
from platform.pipeline.samples import files_of_samples
from platform.planning.plan import MAX_SEEDS, Plan
from typing import Any

from dashboards.choice import against
from dashboards.points import Shown, as_json, rows
from trainables.core.config import digest, identity
from trainables.core.errors import UsageError, check_range, unknown_name
from trainables.core.files import write_files, write_json
from trainables.data.dataset import SPLITS
from trainables.evaluation.summary import summary
from trainables.strategies import schedule_of


@dataclass(frozen=True)
class Replay:
    """What is replayed: a point of the plan's strategy, on a split, at a number of seeds (None: as many
    as the preset confirms with).

    Raises:
        UsageError: there is no such split or point, or the seeds are out of range.
    """

    plan: Plan
    point: Mapping[str, Any]
    split: str
    seeds: int | None

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise unknown_name("split", self.split, SPLITS)
        check_range("--seeds", 1 if self.seeds is None else self.seeds, 1, MAX_SEEDS)
        schedule_of(self.plan.strategy, self.point)


def replay(asked: Replay, console: Console, json_file: Path | None) -> None:
    """Measure the point and the baselines, show them, keep samples of the point.

    Raises:
        UsageError: parts are missing, or the point's sampling fails.
    """
    plan = asked.plan
    with chatter_to(Path(plan.storage) / "evaluate.log"):
        with Cluster() as cluster:
            console.line(devices(plan, cluster))
            shown = _measured(asked, cluster, console)
        samples = _kept_samples(plan, shown, asked.split)
    measure = plan.measure
    setting = f"{plan.facts.title}, {plan.corruption}, {asked.split} split"
    console.table(
        f"{setting}: {measure.title} % [95 % interval]",
        ["point", "parameters", "NFE", measure.title, f"vs {shown[0].label}"],
        [[*row[:3], *row[4:]] for row in rows(against(shown, shown[0]), measure)],
    )
    table_of_signals(console, shown)
    console.line(f"samples:  {samples['samples.png']}")
    if json_file is not None:
        files = {name: str(path) for name, path in samples.items()}
        points = [as_json(p) for p in shown]
        write_json(json_file, {"plan": plan.as_mapping(), "points": points, "files": files})


def _measured(asked: Replay, cluster: Cluster, console: Console) -> list[Shown]:
    """The point and the baselines as measured on the split, with paired tests."""
    plan = asked.plan
    missing = plan.places.parts.missing(plan.kinds, plan.task)
    if missing:
        raise UsageError(
            f"parts that have not been trained: {', '.join(missing)}; run platform.train with the "
            "same dataset, corruption, preset, seed and storage (for speech, Whisper and SGMSE) first"
        )
    own = Shown(plan.strategy, plan.strategy, "front", asked.point)
    chosen = [own, *baseline_points(plan, cluster, console)]
    candidates = [Candidate(shown.strategy, shown.point) for shown in chosen]
    runs = measure_all(plan, cluster, console, candidates, asked.split, asked.seeds)
    if not runs[0]:
        raise UsageError("the point cannot be measured: its sampling fails, see above")
    measured = {shown.label: found for shown, found in zip(chosen, runs, strict=True)}
    points = [
        replace(p, test=summary(measured[p.label], plan.measure))
        for p in chosen
        if measured[p.label]
    ]
    return tested(points, measured)


def _kept_samples(plan: Plan, shown: Sequence[Shown], split: str) -> dict[str, Path]:
    """Pictures and sounds of the split's first samples, restored by the point, which is the first of
    what is shown; their paths by name.
    """
    own = shown[0]
    name = digest([identity(plan.task), dict(own.point), split])
    folder = Path(plan.storage) / "evaluated" / f"{plan.strategy}-{name}"
    files = files_of_samples(plan, plan.places.dataset(plan.task), shown, own, split)
    return write_files(folder, files)
