"""`python -m platform.evaluate STRATEGY DATASET --point JSON | --run ID`: replay a point.

The point is measured on the test split with the parts in the store, next to the baselines at the
paper's point and at their best. What was measured before at the same seeds is read from the records. With
several training seeds, each has its own parts, and intervals and tests are over seeds and samples.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from platform.cli import interrupts
from platform.cli.flags import parser, summary_file
from platform.cli.plans import plan_of, plans_of_seeds, strategy_of
from platform.planning.replay import SPLITS, Replay
from platform.planning.setup import Setup, setup_of
from typing import Any

import search_spaces
from trainables import strategies
from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import UsageError, unknown_name


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay a point; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    namespace = _parse(arguments)
    how, written_point = Replay(namespace.split, namespace.seeds), _written_point(namespace)
    json_file = summary_file(namespace.json)
    from platform.cli.console import Console

    console = Console()
    with console.loading():
        plan = plan_of(namespace, strategy=strategy_of(namespace))
        setups = [setup_of(seed_plan) for seed_plan in plans_of_seeds(namespace, plan)]
        point = _point(setups[0], namespace.run, written_point)
        from platform.pipeline.replay import replay
    replay(setups, how, point, console, json_file)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    verb_parser = parser(
        "python -m platform.evaluate",
        "Measure one point of a strategy on the test split, next to the baselines.",
        "example: python -m platform.evaluate nested digits --run RUN_ID\n"
        "The parts must have been trained, by platform.train or a sweep, with the same preset and seed.",
        several_seeds=True,
    )
    source = verb_parser.add_mutually_exclusive_group()
    source.add_argument(
        "--point", metavar="JSON", help="the sampling parameters [the paper's point]"
    )
    source.add_argument("--run", metavar="ID", help="an MLflow run of a trial or a confirmed point")
    verb_parser.add_argument(
        "--seeds", type=int, default=None, metavar="N",
        help="samplings of each test sample, for images with a corruption each [as the preset confirms]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--split", default=Replay.split, metavar="|".join(SPLITS),
        help="what the point is measured on [%(default)s]",
    )  # fmt: skip
    value: argparse.Namespace = verb_parser.parse_args(arguments)
    return value


def _written_point(namespace: argparse.Namespace) -> Mapping[str, Any] | None:
    """The point that was written on the command line, as a mapping; None where none was.

    Raises:
        UsageError: it is not JSON, or its parameters are not the strategy's.
    """
    if namespace.point is None:
        return None
    try:
        point = json.loads(namespace.point)
    except (ValueError, RecursionError) as error:  # numbers may be too long, brackets too deep
        reason = str(error) or type(error).__name__
        raise UsageError(f"--point is not JSON ({reason}): give it in single quotes") from error
    if not isinstance(point, dict):
        raise UsageError('--point must be a JSON object, such as \'{"steps": 10, "eta": 0.0}\'')
    strategy = namespace.strategy
    if strategy in strategies.names():
        parameters = [f.name for f in dataclasses.fields(strategies.load(strategy).Parameters)]
        for name in point:
            if name not in parameters:
                raise unknown_name(f"parameter of {strategy}", name, parameters)
        strategies.schedule_of(strategy, point)
    return point


def _point(
    setup: Setup, run: str | None, written_point: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """The point of the MLflow run if there is one, else the one that was written, else the paper's.

    Raises:
        UsageError: the run is not there.
    """
    if run is not None:
        return _point_of_run(setup, run)
    if written_point is not None:
        return written_point
    space = search_spaces.load(setup.plan.strategy)
    value: Mapping[str, Any] = space.paper_point(setup.task.recipe.T, setup.facts.kind)
    return value


def _point_of_run(setup: Setup, run_id: str) -> Mapping[str, Any]:
    """The point of a run in MLflow.

    Raises:
        UsageError: the run is not there, or is of another strategy.
    """
    from platform.backend.tracking_store import parameters_of

    from dashboards.runs import value_of

    strategy, params = parameters_of(setup.plan.tracking_uri, run_id, setup.plan.tracking_patience)
    if strategy != setup.plan.strategy:
        raise UsageError(f"run {run_id} is of strategy {strategy!r}, not {setup.plan.strategy!r}")
    values = {name: value_of(text) for name, text in params.items()}
    typed = as_mapping(from_mapping(strategies.load(strategy).Parameters, values))
    return {name: typed[name] for name in values}  # what the point left out stays left out


if __name__ == "__main__":
    sys.exit(main())
