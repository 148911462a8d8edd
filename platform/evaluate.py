"""`python -m platform.evaluate STRATEGY DATASET --point JSON | --run ID`: replay a point.

The point is measured on the test split with the parts in the store, next to the baselines at the
paper's point and at their best. What was measured before at the same seeds is read from the records.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.measure import Candidate, measure_all
from platform.cli import interrupts
from platform.cli.console import Console, chatter_to
from platform.cli.flags import parser, plan_of, summary_file
from platform.cli.tables import table_of_signals
from platform.pipeline.confirm import baseline_points, tested
from platform.pipeline.samples import files_of_samples
from platform.planning.plan import MAX_SEEDS, Plan
from typing import Any

import search_spaces
from dashboards.points import Shown, as_json, rows
from dashboards.runs import value_of
from trainables.core.config import as_mapping, digest, from_mapping, identity
from trainables.core.errors import UsageError, check_range, unknown_name
from trainables.core.files import write_files, write_json
from trainables.data.dataset import SPLITS
from trainables.evaluation.summary import summary
from trainables.strategies import load as load_strategy
from trainables.strategies import schedule_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay a point; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    asked = _parse(arguments)
    console = Console()
    if asked.split not in SPLITS:
        raise unknown_name("split", asked.split, SPLITS)
    check_range("--seeds", 1 if asked.seeds is None else asked.seeds, 1, MAX_SEEDS)
    plan = plan_of(asked)
    json_file = summary_file(asked.json)
    point = _point(plan, asked)
    schedule_of(plan.strategy, point)
    log = Path(plan.storage) / "evaluate.log"
    with chatter_to(log):
        with Cluster(plan) as cluster:
            shown = _measured(plan, cluster, console, point, asked)
        samples = _kept_samples(plan, shown, asked.split)
    rivals = list(shown[0].tests)
    measure = plan.measure
    setting = f"{plan.facts.title}, {plan.corruption}, {asked.split} split"
    console.table(
        f"{setting}: {measure.title} % [95 % interval]",
        ["point", "parameters", "NFE", measure.title, *(f"vs {name}" for name in rivals)],
        [[*row[:3], *row[4:]] for row in rows(shown, measure)],
    )
    table_of_signals(console, shown)
    console.line(f"samples:  {samples['samples.png']}")
    if json_file is not None:
        files = {name: str(path) for name, path in samples.items()}
        points = [as_json(p) for p in shown]
        write_json(json_file, {"plan": plan.as_mapping(), "points": points, "files": files})
    return 0


def _measured(
    plan: Plan,
    cluster: Cluster,
    console: Console,
    point: Mapping[str, Any],
    asked: argparse.Namespace,
) -> list[Shown]:
    """The point and the baselines as measured on the split, with paired tests."""
    missing = plan.places.parts.missing(plan.kinds, plan.task)
    if missing:
        raise UsageError(
            f"parts that have not been trained: {', '.join(missing)}; run platform.train with the "
            "same dataset, corruption, preset, seed and storage (for speech, Whisper and SGMSE) first"
        )
    own = Shown(plan.strategy, plan.strategy, "front", point)
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


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = parser(
        "python -m platform.evaluate",
        "Measure one point of a strategy on the test split, next to the baselines.",
        "example: python -m platform.evaluate nested digits --run RUN_ID\n"
        "The parts must have been trained, by platform.train or a sweep, with the same preset and seed.",
    )
    which = made.add_mutually_exclusive_group()
    which.add_argument(
        "--point", metavar="JSON", help="the sampling parameters [the paper's point]"
    )
    which.add_argument("--run", metavar="ID", help="an MLflow run of a trial or a confirmed point")
    made.add_argument(
        "--seeds", type=int, default=None, metavar="N",
        help="samplings of each test sample, for images with a corruption each [as the preset confirms]",
    )  # fmt: skip
    made.add_argument("--split", default="test", help="validation or test [%(default)s]")
    return made.parse_args(arguments)


def _point(plan: Plan, asked: argparse.Namespace) -> Mapping[str, Any]:
    """The point that was asked for, as a mapping.

    Raises:
        UsageError: it is not JSON, its run is not there, or its parameters are not the strategy's.
    """
    if asked.run is not None:
        return _point_of_run(plan, asked.run)
    if asked.point is None:
        return search_spaces.load(plan.strategy).paper_point(plan.task.recipe.T, plan.facts.kind)
    try:
        values = json.loads(asked.point)
    except json.JSONDecodeError as error:
        raise UsageError(f"--point is not JSON ({error}): give it in single quotes") from error
    if not isinstance(values, dict):
        raise UsageError('--point must be a JSON object, such as \'{"steps": 10, "eta": 0.0}\'')
    return values


def _point_of_run(plan: Plan, run_id: str) -> Mapping[str, Any]:
    from platform.backend.tracking import parameters_of

    strategy, params = parameters_of(plan.tracking_uri, run_id)
    if strategy != plan.strategy:
        raise UsageError(f"run {run_id} is of strategy {strategy!r}, not {plan.strategy!r}")
    values = {name: value_of(text) for name, text in params.items()}
    typed = as_mapping(from_mapping(load_strategy(strategy).Parameters, values))
    return {name: typed[name] for name in values}  # what the point left out stays left out


if __name__ == "__main__":
    sys.exit(main())
