"""`python -m platform.evaluate STRATEGY DATASET --point JSON | --run ID`: replay a point.

The point is measured on the test split with the parts in the store, next to the baselines at the
paper's point and at their best. What was measured before at the same seeds is read from the records.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from platform.cli import interrupts
from platform.cli.flags import parser, plans_of, summary_file
from platform.planning.replay import SPLITS, Replay
from typing import TYPE_CHECKING, Any

import search_spaces
from trainables import strategies
from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import UsageError, unknown_name

if TYPE_CHECKING:
    # Loading torch and Ray takes seconds, so what needs them is imported once it is known what to do.
    from platform.planning.plan import Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay a point; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    asked = _parse(arguments)
    how, given = Replay(asked.split, asked.seeds), _given_point(asked)
    json_file = summary_file(asked.json)
    from platform.cli.console import Console

    console = Console()
    with console.loading():
        (plan,) = plans_of(asked)
        point = _point(plan, asked.run, given)
        from platform.pipeline.replay import replay
    replay(plan, how, point, console, json_file)
    return 0


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
    made.add_argument(
        "--split", default=Replay.split, metavar="|".join(SPLITS),
        help="what the point is measured on [%(default)s]",
    )  # fmt: skip
    value: argparse.Namespace = made.parse_args(arguments)
    return value


def _given_point(asked: argparse.Namespace) -> Mapping[str, Any] | None:
    """The point that was written on the command line, as a mapping; None where none was.

    Raises:
        UsageError: it is not JSON, or its parameters are not the strategy's.
    """
    if asked.point is None:
        return None
    try:
        values = json.loads(asked.point)
    except json.JSONDecodeError as error:
        raise UsageError(f"--point is not JSON ({error}): give it in single quotes") from error
    if not isinstance(values, dict):
        raise UsageError('--point must be a JSON object, such as \'{"steps": 10, "eta": 0.0}\'')
    if asked.strategy in strategies.names():
        known = [f.name for f in dataclasses.fields(strategies.load(asked.strategy).Parameters)]
        for name in values:
            if name not in known:
                raise unknown_name(f"parameter of {asked.strategy}", name, known)
        strategies.schedule_of(asked.strategy, values)
    return values


def _point(plan: Plan, run: str | None, given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The point of the MLflow run, or as given, or the paper's.

    Raises:
        UsageError: its run is not there.
    """
    if run is not None:
        return _point_of_run(plan, run)
    if given is not None:
        return given
    value: Mapping[str, Any] = search_spaces.load(plan.strategy).paper_point(
        plan.task.recipe.T, plan.facts.kind
    )
    return value


def _point_of_run(plan: Plan, run_id: str) -> Mapping[str, Any]:
    from platform.backend.tracking_store import parameters_of

    from dashboards.runs import value_of

    strategy, params = parameters_of(plan.tracking_uri, run_id)
    if strategy != plan.strategy:
        raise UsageError(f"run {run_id} is of strategy {strategy!r}, not {plan.strategy!r}")
    values = {name: value_of(text) for name, text in params.items()}
    typed = as_mapping(from_mapping(strategies.load(strategy).Parameters, values))
    return {name: typed[name] for name in values}  # what the point left out stays left out


if __name__ == "__main__":
    sys.exit(main())
