"""`python -m platform.sweep STRATEGY DATASET`: train, search, confirm, record."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from platform import interrupts
from typing import TYPE_CHECKING

from trainables.errors import UsageError

if TYPE_CHECKING:
    # Loading torch takes seconds, so what needs it is imported once something has been said.
    import argparse
    from platform.console import Console
    from platform.plan import Plan
    from platform.tracking import Tracker


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sweep; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def plan_of(asked: argparse.Namespace) -> Plan:
    """The plan that was asked for.

    Raises:
        UsageError: it is not possible.
    """
    from platform.plan import Plan, tracking_uri, writable_storage
    from platform.presets import preset

    chosen = preset(asked.preset)
    storage = writable_storage(asked.storage)
    return Plan(
        strategy=asked.strategy,
        dataset=asked.dataset,
        corruption=asked.corruption,
        preset=asked.preset,
        trials=chosen.trials if asked.trials is None else asked.trials,
        seed=asked.seed,
        workers=asked.workers,
        gpus_per_trial=asked.gpus_per_trial,
        storage=str(storage),
        tracking_uri=tracking_uri(asked.tracking_uri, storage, os.environ),
        fresh=asked.fresh,
    )


def _main(arguments: Sequence[str] | None) -> int:
    if sys.stdout.isatty():
        print("loading …", end="\r", flush=True)
    from platform.arguments import parse_sweep, summary_file
    from platform.console import Console

    asked = parse_sweep(arguments)
    console = Console()
    plan = plan_of(asked)
    json_file = summary_file(asked.json)
    if asked.dry_run:
        from platform import forecast

        for line in forecast.lines(plan, forecast.forecast(plan)):
            console.line(line)
        return 0
    return _run(plan, console, json_file)


def _run(plan: Plan, console: Console, json_file: Path | None) -> int:
    from platform.console import chatter_to

    log = plan.folder / "sweep.log"
    console.line(
        f"sweep {plan.strategy} on {plan.dataset} ({plan.corruption}, preset {plan.preset}, seed "
        f"{plan.seed}): {plan.trials} trials; log: {log}"
    )
    tracker: Tracker | None = None
    try:
        with chatter_to(log):
            with console.step("plan", "1/5 opening the tracking store"):
                tracker = _tracker(plan)
            from platform import steps

            steps.run(plan, console, tracker, json_file)
        return 0
    except KeyboardInterrupt:
        _end(tracker, "KILLED", log)
        console.line("\ninterrupted: finished parts and trials are kept; the same command goes on")
        return interrupts.INTERRUPTED
    except UsageError:
        _end(tracker, "FAILED", log)
        raise
    except Exception as error:
        _end(tracker, "FAILED", log)
        with log.open("a") as file:
            file.write(interrupts.trace(error))
        print(f"error: {interrupts.explain(error)}\n       more in {log}", file=sys.stderr)
        return interrupts.FAILED


def _tracker(plan: Plan) -> Tracker:
    from platform.tracking import Tracker

    return Tracker(plan)


def _end(tracker: Tracker | None, status: str, log: Path) -> None:
    from platform.console import chatter_to

    if tracker is not None:
        with chatter_to(log):
            tracker.finish(status)


if __name__ == "__main__":
    sys.exit(main())
