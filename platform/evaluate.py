"""`python -m platform.evaluate STRATEGY DATASET --point JSON | --run ID`: replay a point.

The point is measured on the test split with the parts in the store, next to the baselines at the
paper's point and at their best. What was measured before at the same seeds is read from the records.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from platform.cli import interrupts
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from platform.planning.plan import Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay a point; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    from platform.cli.console import Console
    from platform.cli.flags import plan_of, summary_file
    from platform.pipeline.replay import Replay, replay

    asked = _parse(arguments)
    console, plan = Console(), plan_of(asked)
    json_file = summary_file(asked.json)
    replay(Replay(plan, _point(plan, asked), asked.split, asked.seeds), console, json_file)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    from platform.cli.flags import parser

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
    import search_spaces
    from trainables.core.errors import UsageError

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

    from dashboards.runs import value_of
    from trainables.core.config import as_mapping, from_mapping
    from trainables.core.errors import UsageError
    from trainables.strategies import load as load_strategy

    strategy, params = parameters_of(plan.tracking_uri, run_id)
    if strategy != plan.strategy:
        raise UsageError(f"run {run_id} is of strategy {strategy!r}, not {plan.strategy!r}")
    values = {name: value_of(text) for name, text in params.items()}
    typed = as_mapping(from_mapping(load_strategy(strategy).Parameters, values))
    return {name: typed[name] for name in values}  # what the point left out stays left out


if __name__ == "__main__":
    sys.exit(main())
