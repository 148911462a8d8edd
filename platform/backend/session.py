"""What the steps of a verb work with, and how a verb that takes its time is run: output kept apart, runs in
MLflow ended, errors in one line.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from platform.backend.cluster import Cluster
from platform.backend.mirror import mirrored
from platform.backend.tracking_database import scheme_of, sqlite_file
from platform.cli import interrupts
from platform.cli.console import Console, chatter_to
from platform.cli.failures import disk_is_full, full_disk, goes_on, outside_error
from platform.planning.setup import Setup
from typing import TYPE_CHECKING, TextIO

from trainables.core.errors import DamageWarning, UsageError
from trainables.core.places import workspace

if TYPE_CHECKING:
    from platform.backend.tracking import Tracker


@dataclass(frozen=True)
class Session:
    """What points are measured with: a setup, the cluster it runs on, the console that tells of it."""

    setup: Setup
    cluster: Cluster
    console: Console

    @property
    def devices(self) -> str:
        """What the setup runs on, as the console says it first.

        Raises:
            UsageError: the cluster cannot be reached, or has not what the plan asks for.
        """
        return f"devices:  {self.cluster.foreseen(self.setup).text}"


@dataclass(frozen=True)
class TrackedSession(Session):
    """A session whose work is recorded in MLflow, by its tracker."""

    tracker: Tracker


def run(
    setup: Setup,
    console: Console,
    log: Path,
    opening: str,
    work: Callable[[TrackedSession], int | None],
) -> int:
    """Say what is run on, open the tracking store, saying `opening`, and do the work on a cluster of its
    own; returns the exit status, which the work returns where it is not 0.

    What Ray and MLflow print goes to `log`. The tracker's runs that are still open at the end are
    marked as killed or failed.
    """
    with mirrored(setup.plan.storage), _cluster(log) as cluster:
        return _run_in(Session(setup, cluster, console), log, opening, work)


def run_each(
    setups: Sequence[Setup],
    console: Console,
    log_of: Callable[[Setup], Path],
    work: Callable[[TrackedSession], None],
) -> int:
    """Do the work for every setup on one cluster; returns the exit status, the last failure's if any.

    A setup whose work fails is reported and the others go on; an interruption ends all.
    """
    worst = 0
    with mirrored(setups[0].plan.storage), _cluster(log_of(setups[0])) as cluster:
        for number, setup in enumerate(setups, start=1):
            opening = f"{number} of {len(setups)}: {setup.plan.strategy} on {setup.setting}"
            status = _run_in(Session(setup, cluster, console), log_of(setup), opening, work)
            if status == interrupts.INTERRUPTED:
                return status
            worst = status or worst
    return worst


@contextmanager
def _cluster(log: Path) -> Iterator[Cluster]:
    """A cluster, closed at the end; what Ray prints then goes to the log."""
    cluster = Cluster()
    try:
        yield cluster
    finally:
        with chatter_to(log):
            cluster.close()


def _run_in(
    session: Session, log: Path, opening: str, work: Callable[[TrackedSession], int | None]
) -> int:
    """Do the work in a session that is recorded from here on; returns the exit status.

    Raises:
        OutsideError: the tracking store is away, or a disk is full.
    """
    console = session.console
    tracker: Tracker | None = None
    try:
        with chatter_to(log), _damage_told(console):
            session.cluster.check_nodes(session.setup)
            console.line(session.devices)
            with console.step("plan", opening):
                tracker = _tracker(session)
            status = work(TrackedSession(session.setup, session.cluster, console, tracker))
            interrupts.check()
        return status or 0
    except UsageError:
        _end(tracker, "FAILED", log)
        raise
    except (KeyboardInterrupt, Exception) as error:
        _write_trace(error, log)
        if isinstance(error, KeyboardInterrupt) or interrupts.interrupted():
            _end(tracker, "KILLED", log)
            console.line(f"\ninterrupted: {goes_on()}")
            return interrupts.INTERRUPTED
        _end(tracker, "FAILED", log)
        if disk_is_full(error):
            raise full_disk(error, _written_to(session.setup)) from error
        if (outside := outside_error(error)) is not None:
            raise outside from error
        print(f"error: {interrupts.explain(error)}\n       more in {log}", file=sys.stderr)
        return interrupts.FAILED


@contextmanager
def _damage_told(console: Console) -> Iterator[None]:
    """Within it, warnings of damaged files are lines on the console; others go where they went."""
    show = warnings.showwarning

    def tell(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, DamageWarning):
            console.line(f"          {message}")
        else:
            show(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.simplefilter("always", DamageWarning)
        warnings.showwarning = tell
        yield


def _tracker(session: Session) -> Tracker:
    """The session's tracker; what there is to tell of its store is told."""
    from platform.backend.tracking import Tracker  # with MLflow, which takes seconds to load

    devices = session.cluster.foreseen(session.setup).text
    tracker = Tracker(session.setup, devices, session.console.line)
    if tracker.note:
        session.console.line(f"          {tracker.note}")
    return tracker


def _end(tracker: Tracker | None, status: str, log: Path) -> None:
    """End the runs that the tracker has open, if it was made. The work has ended, so a store that is away is
    not waited for, and what fails here is for the log alone.
    """
    if tracker is None:
        return
    try:
        with chatter_to(log):
            tracker.finish(status, patience=0.0)
    except Exception as error:
        _write_trace(error, log)


def _write_trace(error: BaseException, log: Path) -> None:
    """Write the whole of an error to the log, where there is room; its last line goes to the terminal."""
    with suppress(OSError), log.open("a") as file:
        file.write(interrupts.trace(error))


def _written_to(setup: Setup) -> list[Path]:
    """The directories that a setup's work writes to."""
    uris = setup.plan.tracking_uri, setup.plan.study_uri
    stores = [sqlite_file(uri).parent for uri in uris if scheme_of(uri) == "sqlite"]
    return [workspace(setup.plan.storage), *stores]
