"""Step 2 of a sweep: parts that are missing are trained by Ray Train, all in one go."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from platform.backend.allocation import Allocation
from platform.backend.driver_lock import driver_lock
from platform.backend.ray_storage import ray_storage
from platform.backend.room_watch import RoomWatch
from platform.backend.session import Session, TrackedSession
from platform.cli.console import Console
from platform.cli.interrupts import in_background, last_line
from platform.pipeline.training_watch import TrainingWatch, metrics_text, reports_of
from platform.planning.setup import Setup
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from trainables.core.config import as_mapping, digest
from trainables.core.files import read_whole, write_whole
from trainables.core.places import is_uri, place, workspace
from trainables.core.progress import Progress
from trainables.data import datasets
from trainables.data.dataset import Dataset
from trainables.data.speech.builder import Spread
from trainables.task import networks
from trainables.training import checkpoints as checkpoint_files
from trainables.training import classifier_cache
from trainables.training.part_store import PartFacts, key_of

if TYPE_CHECKING:
    from trainables.workers.shared_data import SharedData

_MAX_FAILURES = 2
_RAYS_LIST = "checkpoint_manager_snapshot.json"  # cut short, it would keep Ray from starting


class TrainingFailed(RuntimeError):
    """A part could not be trained."""


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
            _train_missing(session, missing, name, history)
        else:
            console.line(f"          all parts are in the store: {', '.join(kinds)}")
    _record(session, reports_of(history))
    return missing


def _history(setup: Setup, name: str) -> Path:
    """The history of a training of that name, here; where an object store has one, as far as it is told there
    if nothing is here.
    """
    here = workspace(setup.storage.root) / _history_name(name)
    stored = place(setup.storage.root) / _history_name(name)
    if not here.exists() and stored.exists():
        write_whole(here, read_whole(stored))
    return here


def _history_name(name: str) -> str:
    return f"training/{name}.history.jsonl"


def _tell_that_it_waits(console: Console, kind: str, holder: str) -> None:
    console.line(f"          part {kind} is being trained by {holder}: waiting for it")


def _train_missing(session: TrackedSession, missing: list[str], name: str, history: Path) -> None:
    """Read the data, train these parts, and show how far it is."""
    setup, console = session.setup, session.console
    # Weights that cannot be had are reported here, not by a worker.
    networks.fetch_pretrained(setup.task.recipe, missing)
    _prepare_data(session)
    console.line(f"          to train: {', '.join(missing)}")
    history.parent.mkdir(parents=True, exist_ok=True)
    with console.bar("starting the training workers") as bar:
        allocation, own = session.cluster.allocation(setup), session.cluster.is_own
        data = session.cluster.data(setup)
        room = RoomWatch(
            console,
            "the training",
            f"{allocation.workers} training workers",
            partial(session.cluster.can_train, allocation),
            "Ctrl-C, then the command with fewer --workers, does without",
        )
        with TrainingWatch(history, bar, setup.metric, room):
            in_background(lambda: _train(setup, allocation, own, data, missing, name, history))


def _prepare_data(session: Session) -> None:
    """Read the data and cache what the classifier puts out for signals that stay as they are."""
    setup = session.setup
    device, recipe = session.cluster.foreseen(setup).device_here, setup.task.recipe

    def cache(dataset: Dataset, progress: Progress) -> None:
        classifier_cache.prepare(dataset, recipe, device, progress)

    read(setup, session.console, cache, _spread(session))


def _spread(session: Session) -> Spread | None:
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


def _train(
    setup: Setup,
    allocation: Allocation,
    own: bool,
    data: SharedData | None,
    missing: list[str],
    name: str,
    history: Path,
) -> None:
    """Train the missing parts by Ray Train, on these data where they are shared; `own`: the cluster is one of
    this machine's own.
    """
    import ray.train
    from ray.train.torch import TorchConfig, TorchTrainer

    from trainables.workers.history import History
    from trainables.workers.meeting import OnThisMachine
    from trainables.workers.train import TrainJob, train_parts

    trainings = place(setup.storage.root) / "training"
    checkpoints = trainings / name
    copy = str(trainings.parent / _history_name(name)) if is_uri(setup.storage.root) else ""
    checkpoint_files.put_damaged_aside(checkpoints)
    (checkpoints / _RAYS_LIST).unlink(missing_ok=True)
    job = TrainJob(
        setup.task,
        tuple(missing),
        setup.storage,
        allocation.train_threads,
        str(checkpoints),
    )
    with TemporaryDirectory(prefix="meeting-") as meeting:
        result = TorchTrainer(
            train_parts,
            train_loop_config={"job": as_mapping(job), "data": data},
            torch_config=OnThisMachine(folder=meeting) if own else TorchConfig(),
            scaling_config=ray.train.ScalingConfig(
                num_workers=allocation.workers,
                use_gpu=allocation.on_gpus,  # NCCL then, else gloo
                resources_per_worker={"CPU": 1, **({"GPU": 1} if allocation.on_gpus else {})},
            ),
            run_config=ray.train.RunConfig(
                name=name,
                **ray_storage(trainings),
                failure_config=ray.train.FailureConfig(max_failures=_MAX_FAILURES),
                checkpoint_config=ray.train.CheckpointConfig(num_to_keep=2),
                callbacks=[History(str(history), copy)],  # type: ignore[list-item]  # typed as of the old Ray Train
            ),
        ).fit()
    if result.error is not None:
        raise TrainingFailed(last_line(str(result.error))) from result.error
    checkpoint_files.remove_checkpoints(checkpoints)


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
