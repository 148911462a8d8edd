"""`python -m platform.sweep STRATEGY DATASET`: train, search, confirm, record."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from platform import interrupts
from platform.arguments import parse_sweep
from platform.console import Console, chatter_to
from platform.plan import Plan, tracking_uri, writable_storage
from platform.presets import preset
from typing import TYPE_CHECKING

from trainables.errors import UsageError
from trainables.records import write_json

if TYPE_CHECKING:
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
    asked = parse_sweep(arguments)
    console = Console()
    plan = plan_of(asked)
    summary_file = _json_file(asked.json)
    if asked.dry_run:
        from platform import forecast

        for line in forecast.lines(plan, forecast.forecast(plan)):
            console.line(line)
        return 0
    return _run(plan, console, summary_file)


def _json_file(asked: str | None) -> Path | None:
    """The file for the summary, absolute; refused now if it could not be written later."""
    if asked is None:
        return None
    path = Path(os.path.abspath(asked))
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(f"--json {path} cannot be written: name a file in a directory that exists")
    return path


def _run(plan: Plan, console: Console, summary_file: Path | None) -> int:
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
            write_json(plan.folder / "plan.json", plan.as_mapping())
            from platform import steps

            steps.run(plan, console, tracker, summary_file)
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
    if tracker is not None:
        with chatter_to(log):
            tracker.finish(status)


if __name__ == "__main__":
    sys.exit(main())
