"""Step 2 of a sweep: parts that are missing are trained, side by side where they do not need each other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from platform.backend.allocation import trainings_at_a_time
from platform.backend.driver_lock import driver_lock
from platform.backend.room_watch import RoomWatch
from platform.backend.session import Session, TrackedSession
from platform.cli.console import Console
from platform.cli.interrupts import in_background
from platform.pipeline.training_lanes import history_name, train_in_lanes
from platform.pipeline.training_watch import TrainingWatch, metrics_text, reports_of
from platform.planning.lanes import Lane, lanes_of
from platform.planning.setup import Setup
from typing import Any

from trainables.core.config import digest
from trainables.core.files import read_whole, write_whole
from trainables.core.places import is_uri, place, workspace
from trainables.core.progress import Progress
from trainables.data import datasets
from trainables.data.dataset import Dataset
from trainables.data.speech.builder import Spread
from trainables.task import networks
from trainables.training import classifier_cache
from trainables.training.part_store import PartFacts, in_order, key_of


def prepare(session: TrackedSession, kinds: list[str]) -> list[str]:
    """Train those of these kinds of parts that the store lacks; returns which these were.

    A training that was cut off goes on from its last checkpoint. A part that is damaged is trained again; one
    that another process trains is waited for.

    Raises:
        UsageError: the data are not there.
        TrainingFailed: a training ended with an error, after it had been tried again.
    """
    setup, console = session.setup, session.console
    parts = setup.storage.parts
    parts.put_damaged_aside(kinds, setup.task)
    name = digest([key_of(kind, setup.task) for kind in kinds])
    history = _history(setup, name)
    with ExitStack() as locks:
        # In one order for all, so that no two wait for each other.
        for kind in sorted(parts.missing(kinds, setup.task)):
            tell = partial(_tell_that_it_waits, console, kind)
            lock = locks.enter_context(ExitStack())
            lock.enter_context(driver_lock(parts.folder(kind, setup.task), tell))
            if parts.has(kind, setup.task):  # the one that was waited for has trained it
                lock.close()
        missing = parts.missing(kinds, setup.task)
        if missing:
            _train_missing(session, kinds, missing, name, history)
        else:
            console.line(f"          all parts are in the store: {', '.join(kinds)}")
    _record(session, reports_of(history))
    return missing


def _history(setup: Setup, name: str) -> Path:
    """The history of a training of that name, here; where an object store has one, as far as it is told there
    if nothing is here.
    """
    here = workspace(setup.storage.root) / history_name(name)
    stored = place(setup.storage.root) / history_name(name)
    if not here.exists() and stored.exists():
        write_whole(here, read_whole(stored))
    return here


def _tell_that_it_waits(console: Console, kind: str, holder: str) -> None:
    console.line(f"          part {kind} is being trained by {holder}: waiting for it")


def _train_missing(
    session: TrackedSession, kinds: list[str], missing: list[str], name: str, history: Path
) -> None:
    """Read the data, train the missing ones of these parts, and show how far it is."""
    setup, console = session.setup, session.console
    # Weights that cannot be had are reported here, not by a worker.
    networks.fetch_pretrained(setup.task.recipe, missing)
    _prepare_data(session)
    history.parent.mkdir(parents=True, exist_ok=True)
    with console.bar("starting the training workers") as bar:
        allocation, own = session.cluster.allocation(setup), session.cluster.is_own
        most = trainings_at_a_time(setup, allocation, own)
        lanes = lanes_of(
            in_order(kinds), missing, setup.task.recipe, most, allocation.train_threads
        )
        console.line(f"          to train: {_in_words(missing, lanes)}")
        data = session.cluster.data(setup)
        room = RoomWatch(
            console,
            "the training",
            f"{allocation.workers} training workers",
            partial(session.cluster.can_train, allocation),
            "Ctrl-C, then the command with fewer --workers, does without",
        )
        with TrainingWatch(history, bar, setup.metric, room):
            in_background(
                lambda: train_in_lanes(setup, allocation, own, data, lanes, name, history)
            )


def _in_words(missing: list[str], lanes: list[Lane]) -> str:
    """The parts to train, and whether some are trained side by side."""
    beside = f"; up to {len(lanes)} side by side" if len(lanes) > 1 else ""
    return ", ".join(missing) + beside


def _prepare_data(session: Session) -> None:
    """Read the data and cache what the classifier puts out for signals that stay as they are."""
    setup = session.setup
    device, recipe = session.cluster.foreseen(setup).device_here, setup.task.recipe

    def cache(dataset: Dataset, progress: Progress) -> None:
        classifier_cache.prepare(dataset, recipe, device, progress)

    read(setup, session.console, cache, spread_of(session))


def spread_of(session: Session) -> Spread | None:
    """How data that must be built are: by all workers of the cluster together; None for other data, and where
    each node has its own.
    """
    if not datasets.must_be_built(session.setup.plan.dataset):
        return None
    if is_uri(session.setup.plan.storage) and not session.cluster.is_own:
        return None
    from trainables.workers.spread import over_cluster

    session.cluster.allocation(session.setup)
    return over_cluster


def _record(session: TrackedSession, reports: list[dict[str, Any]]) -> None:
    """Record the finished trainings that have no run yet, those of an interrupted sweep included."""
    setup, tracker = session.setup, session.tracker
    store, recorded = setup.storage.parts, tracker.recorded_parts()
    for kind in dict.fromkeys(report["kind"] for report in reports):
        if not store.has(kind, setup.task) or key_of(kind, setup.task) in recorded:
            continue
        facts = store.facts(kind, setup.task)
        reports_of_kind = _whole([report for report in reports if report["kind"] == kind], facts)
        tracker.training(kind, reports_of_kind, store.folder(kind, setup.task))
        metrics = metrics_text(reports_of_kind[-1]["metrics"], setup.metric)
        session.console.line(f"          {kind}: {metrics} in {facts['seconds']:.0f} s")


def _whole(reports: list[dict[str, Any]], facts: PartFacts) -> list[dict[str, Any]]:
    """The reports of a finished part. Where the driver was killed before the last ones came to it, the last
    of all is told by the part's facts.
    """
    last = reports[-1]
    if last["update"] == last["updates"]:
        return reports
    end = {"update": last["updates"], "seconds": facts["seconds"], "metrics": facts["metrics"]}
    return [*reports, {**last, **end}]


def read(
    setup: Setup,
    console: Console,
    then: Callable[[Dataset, Progress], None] | None = None,
    spread: Spread | None = None,
) -> Dataset:
    """Read a setup's data, and report the files that are left out.

    Args:
        setup: whose data.
        console: where the progress is shown.
        then: what is done to the data under the same progress bar, if anything.
        spread: what builds data that must be built; they are built in this process if None.

    Raises:
        UsageError: files are missing, or nothing of a split can be used.
    """
    with console.bar("reading the data") as bar:
        dataset = setup.storage.dataset(setup.task, bar.update, spread)
        if then is not None:
            then(dataset, bar.update)
    if setup.facts.note:
        console.line(f"          {setup.facts.note}")
    if dataset.left_out:
        count = len(dataset.left_out)
        files = "file" if count == 1 else "files"
        message = f"{count} {files} left out: {dataset.left_out[0]}"
        console.line(f"          {message}; all that was: {dataset.left_out_file}")
    return dataset
