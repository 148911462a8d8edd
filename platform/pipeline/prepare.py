"""Step 2 of a sweep: parts that are missing are trained by Ray Train, all in one go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from platform.backend.allocation import Allocation
from platform.backend.driver_lock import driver_lock
from platform.backend.ray_storage import ray_storage
from platform.backend.session import Session, TrackedSession
from platform.cli.console import Bar, Console
from platform.cli.interrupts import in_background, last_line
from platform.planning.setup import Setup
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from trainables.core.checked_lines import read_lines
from trainables.core.config import as_mapping, digest
from trainables.core.files import read_whole, write_whole
from trainables.core.places import is_uri, place, workspace
from trainables.core.progress import Progress
from trainables.data import datasets
from trainables.data.dataset import Dataset
from trainables.data.speech.builder import Spread
from trainables.scoring.metric_names import ACCURACY, Metric
from trainables.task import networks
from trainables.training import checkpoints as checkpoint_files
from trainables.training import classifier_cache
from trainables.training.part_store import PartFacts, key_of

if TYPE_CHECKING:
    from trainables.workers.shared_data import SharedData

_POLL_SECONDS = 0.3
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
            locks.enter_context(driver_lock(parts.folder(kind, setup.task), tell))
        missing = parts.missing(kinds, setup.task)
        if missing:
            _train_missing(session, missing, name, history)
        else:
            console.line(f"          all parts are in the store: {', '.join(kinds)}")
    _record(session, _reports(history))
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
        room = _Room(console, allocation, partial(session.cluster.can_train, allocation))
        with _Watch(history, bar, setup.metric, room):
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
        metrics = _metrics_text(reports_of_kind[-1]["metrics"], setup.metric)
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


class _Room:
    """Tells the console when nodes have gone that a training needs, and when it has room again.

    Args:
        console: what is told.
        allocation: of the training.
        has_room: whether the cluster has room for it at the moment.
    """

    def __init__(
        self, console: Console, allocation: Allocation, has_room: Callable[[], bool]
    ) -> None:
        self._console, self._allocation, self._has_room = console, allocation, has_room
        self._waits = False

    def look(self) -> None:
        """Look whether there is room, and tell what has changed."""
        waits = not self._has_room()
        if waits and not self._waits:
            self._console.line(
                f"          nodes have left: no room for {self._allocation.workers} training workers; "
                "waiting for others to join (Ctrl-C, then the command with fewer --workers, does without)"
            )
        elif self._waits and not waits:
            self._console.line("          there is room again: the training goes on")
        self._waits = waits


class _Watch:
    """Shows the workers' reports as they come through Ray Train; looks whether there is room for workers."""

    def __init__(self, history: Path, bar: Bar, metric: Metric, room: _Room) -> None:
        self._history, self._bar, self._metric, self._room = history, bar, metric, room
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            self._room.look()
            reports = _reports(self._history)
            if reports:
                last = reports[-1]
                metrics = _metrics_text(last["metrics"], self._metric)
                text = f"training {last['kind']}: {metrics}, update"
                self._bar.update(last["update"], last["updates"], text)


def _metrics_text(metrics: dict[str, float], metric: Metric) -> str:
    """A report's losses and metric in few words."""
    loss, validation = metrics["loss"], metrics["validation_loss"]
    percentage = 100 * metric.of(metrics[f"validation_{ACCURACY}"])
    return f"loss {loss:.3f}, on validation {validation:.3f} ({metric.title} {percentage:.0f} %)"


def _reports(history: Path) -> list[dict[str, Any]]:
    """The reports so far; a line that is still being written is left for later, one that is damaged is left
    out.
    """
    return read_lines(history)


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
