"""`python -m platform.evaluate STRATEGY DATASET --point JSON | --run ID`: replay a point.

The point is measured on the test split with the parts in the store, next to the baselines at the
paper's point. What was measured before at the same seeds is read from the records.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from platform import interrupts
from platform.arguments import parser
from platform.confirm import COMPARED_WITH, as_json
from platform.console import Console
from platform.plan import BASELINES, Plan, seed_number, tracking_uri, writable_storage
from platform.presets import preset
from typing import Any

import torch

import search_spaces
from dashboards.points import Shown, rows
from trainables.config import as_mapping, from_mapping
from trainables.data.splits import SPLITS
from trainables.errors import UsageError, check_range, unknown_name
from trainables.evaluation import Evaluator, Sampling, schedule_of
from trainables.metrics import paired, summary
from trainables.records import Measurement, write_json
from trainables.strategies import load as load_strategy


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay a point; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    asked = _parse(arguments)
    console = Console()
    plan = _plan(asked)
    point = _point(plan, asked)
    schedule_of(plan.strategy, point)
    shown = [Shown(f"{plan.strategy}", plan.strategy, "front", point)]
    for name in BASELINES:
        if name != plan.strategy:
            paper = search_spaces.load(name).paper_point(plan.task.recipe.T)
            shown.append(Shown(name, name, "baseline", paper))
    measured = {p.label: _measure(plan, p, asked, console) for p in shown}
    shown = [replace(p, test=summary(measured[p.label])) for p in shown]
    shown[0] = replace(shown[0], tests=_tests(measured, plan.strategy))
    _report(plan, asked, console, shown)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = parser(
        "python -m platform.evaluate",
        "Measure one point of a strategy on the test split, next to the baselines.",
        "example: python -m platform.evaluate nested digits --run RUN_ID\n"
        "The parts must have been trained by platform.sweep with the same preset and seed.",
    )
    which = made.add_mutually_exclusive_group()
    which.add_argument(
        "--point", metavar="JSON", help="the sampling parameters [the paper's point]"
    )
    which.add_argument("--run", metavar="ID", help="an MLflow run of a trial or a confirmed point")
    made.add_argument(
        "--seeds", type=int, default=None, metavar="N",
        help="corruptions and samplings of each image [as the preset confirms]",
    )  # fmt: skip
    made.add_argument("--split", default="test", help="validation or test [%(default)s]")
    return made.parse_args(arguments)


def _plan(asked: argparse.Namespace) -> Plan:
    chosen = preset(asked.preset)
    storage = writable_storage(asked.storage)
    if asked.split not in SPLITS:
        raise unknown_name("split", asked.split, SPLITS)
    check_range("--seeds", asked.seeds or 1, 1, 999)
    return Plan(
        strategy=asked.strategy,
        dataset=asked.dataset,
        corruption=asked.corruption,
        preset=asked.preset,
        trials=chosen.trials,
        seed=asked.seed,
        workers=asked.workers,
        gpus_per_trial=asked.gpus_per_trial,
        storage=str(storage),
        tracking_uri=tracking_uri(asked.tracking_uri, storage, os.environ),
    )


def _point(plan: Plan, asked: argparse.Namespace) -> Mapping[str, Any]:
    """The point that was asked for, as a mapping.

    Raises:
        UsageError: it is not JSON, its run is not there, or its parameters are not the strategy's.
    """
    if asked.run is not None:
        return _point_of_run(plan, asked.run)
    if asked.point is None:
        return search_spaces.load(plan.strategy).paper_point(plan.task.recipe.T)
    try:
        values = json.loads(asked.point)
    except json.JSONDecodeError as error:
        raise UsageError(f"--point is not JSON ({error}): give it in single quotes") from error
    if not isinstance(values, dict):
        raise UsageError('--point must be a JSON object, such as \'{"steps": 10, "eta": 0.0}\'')
    return values


def _point_of_run(plan: Plan, run_id: str) -> Mapping[str, Any]:
    from platform.tracking import parameters_of

    strategy, params = parameters_of(plan.tracking_uri, run_id)
    if strategy != plan.strategy:
        raise UsageError(f"run {run_id} is of strategy {strategy!r}, not {plan.strategy!r}")
    values = {name: json.loads(value) for name, value in params.items()}
    return as_mapping(from_mapping(load_strategy(strategy).Parameters, values))


def _measure(
    plan: Plan, shown: Shown, asked: argparse.Namespace, console: Console
) -> list[Measurement]:
    """All seeds of a point, in this process with all its threads."""
    job = plan.job(asked.split, torch.get_num_threads())
    count = asked.seeds or len(job.seeds)
    device = torch.device("cuda" if plan.gpus_per_trial and torch.cuda.is_available() else "cpu")
    evaluator = Evaluator(plan.task, shown.strategy, plan.places, job.batch, device)
    measured = []
    with console.bar(f"{shown.label}: samples") as bar:
        for i in range(count):
            sampling = Sampling(asked.split, job.limit, seed_number(plan.seed, i))

            def progress(done: int, size: int, before: int = i) -> None:
                bar.update(before * size + done, count * size)

            measured.append(evaluator.measure(shown.point, sampling, progress))
    return measured


def _tests(measured: Mapping[str, list[Measurement]], ours: str) -> dict[str, dict[str, float]]:
    if COMPARED_WITH not in measured or ours == COMPARED_WITH:
        return {}
    return {COMPARED_WITH: as_mapping(paired(measured[ours], measured[COMPARED_WITH]))}


def _report(plan: Plan, asked: argparse.Namespace, console: Console, shown: list[Shown]) -> None:
    console.table(
        f"{plan.dataset}, {plan.corruption}, {asked.split} split: accuracy % [95 % interval]",
        ["point", "parameters", "NFE", "validation", "measured", f"vs {COMPARED_WITH}"],
        rows(shown),
    )
    if asked.json is not None:
        write_json(
            writable_storage(os.path.dirname(os.path.abspath(asked.json)))
            / os.path.basename(asked.json),
            {"plan": plan.as_mapping(), "points": [as_json(p) for p in shown]},
        )


if __name__ == "__main__":
    sys.exit(main())
