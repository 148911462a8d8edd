"""How a verb that takes its time is run: output kept apart, runs in MLflow ended, errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from platform import interrupts
from platform.console import Console, chatter_to
from platform.plan import Plan
from typing import TYPE_CHECKING

from trainables.errors import UsageError

if TYPE_CHECKING:
    from platform.tracking import Tracker


def run(
    plan: Plan, console: Console, log: Path, opening: str, work: Callable[[Tracker], None]
) -> int:
    """Open the tracking store, saying `opening`, and do the work; returns the exit status.

    What Ray and MLflow print goes to `log`. The tracker's runs that are still open at the end are
    marked as killed or failed.
    """
    tracker: Tracker | None = None
    try:
        with chatter_to(log):
            with console.step("plan", opening):
                from platform.tracking import Tracker

                tracker = Tracker(plan)
            work(tracker)
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


def _end(tracker: Tracker | None, status: str, log: Path) -> None:
    if tracker is not None:
        with chatter_to(log):
            tracker.finish(status)
