"""How a verb that takes its time is run: output kept apart, runs in MLflow ended, errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    plan: Plan,
    console: Console,
    log: Path,
    opening: str,
    work: Callable[[Cluster, Tracker], None],
) -> int:
    """Say what is run on, open the tracking store, saying `opening`, and do the work on a cluster of its
    own; returns the exit status.

    What Ray and MLflow print goes to `log`. The tracker's runs that are still open at the end are
    marked as killed or failed.
    """
    with _cluster(log) as cluster:
        return _run_on(cluster, plan, console, log, opening, work)


def run_each(
    plans: Sequence[Plan],
    console: Console,
    log_of: Callable[[Plan], Path],
    work: Callable[[Plan, Cluster, Tracker], None],
) -> int:
    """Do the work for every plan on one cluster; returns the exit status, the last failure's if any.

    A plan that fails is reported and the others go on; an interruption ends all.
    """
    worst = 0
    with _cluster(log_of(plans[0])) as cluster:
        for number, plan in enumerate(plans, start=1):
            opening = f"{number} of {len(plans)}: {plan.strategy} on {plan.setting}"

            def one(cluster: Cluster, tracker: Tracker, plan: Plan = plan) -> None:
                work(plan, cluster, tracker)

            status = _run_on(cluster, plan, console, log_of(plan), opening, one)
            if status == interrupts.INTERRUPTED:
                return status
            worst = status or worst
    return worst


def devices(plan: Plan, cluster: Cluster) -> str:
    """What a plan runs on, as it is said first.

    Raises:
        UsageError: the cluster cannot be reached, or has not what the plan asks for.
    """
    return f"devices:  {cluster.foreseen(plan).text}"


@contextmanager
def _cluster(log: Path) -> Iterator[Cluster]:
    """A cluster, closed at the end; what Ray prints then goes to the log."""
    cluster = Cluster()
    try:
        yield cluster
    finally:
        with chatter_to(log):
            cluster.close()


def _run_on(
    cluster: Cluster,
    plan: Plan,
    console: Console,
    log: Path,
    opening: str,
    work: Callable[[Cluster, Tracker], None],
) -> int:
    tracker: Tracker | None = None
    try:
        with chatter_to(log):
            console.line(devices(plan, cluster))
            with console.step("plan", opening):
                from platform.backend.tracking import Tracker

                tracker = Tracker(plan, cluster.foreseen(plan).text)
                if tracker.note:
                    console.line(f"          {tracker.note}")
            work(cluster, tracker)
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


def _end(tracker: Tracker | None, status: str, log: Path) -> None:
    if tracker is not None:
        with chatter_to(log):
            tracker.finish(status)
