"""How a verb that takes its time is run: output kept apart, runs in MLflow ended, errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.cli import interrupts
from platform.cli.console import Console, chatter_to
from platform.planning.plan import Plan
from typing import TYPE_CHECKING

from trainables.core.errors import UsageError

if TYPE_CHECKING:
    from platform.backend.tracking import Tracker

_GOES_ON = "\ninterrupted: finished parts and trials are kept; the same command goes on"


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
                from platform.backend.tracking import Tracker

                tracker = Tracker(plan)
                if tracker.note:
                    console.line(f"          {tracker.note}")
            work(tracker)
            interrupts.check()
        return 0
    except UsageError:
        _end(tracker, "FAILED", log)
        raise
    except (KeyboardInterrupt, Exception) as error:
        with log.open("a") as file:
            file.write(interrupts.trace(error))
        if isinstance(error, KeyboardInterrupt) or interrupts.interrupted():
            _end(tracker, "KILLED", log)
            console.line(_GOES_ON)
            return interrupts.INTERRUPTED
        _end(tracker, "FAILED", log)
        print(f"error: {interrupts.explain(error)}\n       more in {log}", file=sys.stderr)
        return interrupts.FAILED


def run_each(
    plans: Sequence[Plan],
    console: Console,
    log_of: Callable[[Plan], Path],
    work: Callable[[Plan, Cluster, Tracker], None],
) -> int:
    """Do the work for every plan on one cluster; returns the exit status, the last failure's if any.

    A plan that fails is reported and the others go on; an interruption ends all.
    """
    worst, cluster = 0, Cluster(plans[0])
    try:
        for number, plan in enumerate(plans, start=1):
            opening = f"{number} of {len(plans)}: {plan.strategy} on {plan.setting}"

            def one(tracker: Tracker, plan: Plan = plan) -> None:
                work(plan, cluster, tracker)

            status = run(plan, console, log_of(plan), opening, one)
            if status == interrupts.INTERRUPTED:
                return status
            worst = status or worst
    finally:
        with chatter_to(log_of(plans[0])):
            cluster.close()
    return worst


def _end(tracker: Tracker | None, status: str, log: Path) -> None:
    if tracker is not None:
        with chatter_to(log):
            tracker.finish(status)
