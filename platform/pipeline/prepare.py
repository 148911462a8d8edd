"""Step 2 of a sweep: parts that are missing are trained by Ray Train, all in one go."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from platform.backend.allocation import Allocation
from platform.backend.cluster import Cluster
from platform.backend.tracking import Tracker
from platform.cli.console import Bar, Console
from platform.cli.interrupts import in_background, last_line
from platform.planning.plan import Plan
from typing import Any

from trainables.core.config import as_mapping, digest
from trainables.core.progress import Progress
from trainables.data import datasets
from trainables.data.dataset import Dataset
from trainables.data.speech.builder import Spread
from trainables.scoring.metric_names import ACCURACY, Metric
from trainables.task import networks
from trainables.training import classifier_cache
from trainables.training.part_store import key_of

_POLL_SECONDS = 0.3
_MAX_FAILURES = 2


class TrainingFailed(RuntimeError):
    """A part could not be trained."""


def prepare(
    plan: Plan, cluster: Cluster, console: Console, tracker: Tracker, kinds: list[str]
) -> list[str]:
    """Train those of these kinds of parts that the store lacks; returns what was trained.

    A training that was cut off goes on from its last checkpoint.

    Raises:
        UsageError: the data are not there.
        TrainingFailed: a training ended with an error, after it had been tried again.
    """
    missing = plan.places.parts.missing(kinds, plan.task)
    name = digest([key_of(kind, plan.task) for kind in kinds])
    history = Path(plan.storage) / "training" / f"{name}.history.jsonl"
    networks.obtain(plan.task.recipe, missing)  # what is missing is told here, not by a worker
    if missing:
        device, recipe = cluster.foreseen(plan).device_here, plan.task.recipe
        read(
            plan,
            console,
            lambda data, told: classifier_cache.prepare(data, recipe, device, told),
            _spread(plan, cluster),
        )
        console.line(f"          to train: {', '.join(missing)}")
        history.parent.mkdir(parents=True, exist_ok=True)
        with (
            console.bar("starting the training workers") as bar,
            _Watch(history, bar, plan.metric),
        ):
            given = cluster.allocation(plan)
            in_background(lambda: _train(plan, given, missing, name, history))
    else:
        console.line(f"          all parts are in the store: {', '.join(kinds)}")
    _record(plan, console, tracker, _read(history))
    return missing


def _spread(plan: Plan, cluster: Cluster) -> Spread | None:
    """How what must be built is: by all workers of the cluster together."""
    if not datasets.must_be_built(plan.dataset):
        return None
    from trainables.workers.spread import over_cluster

    cluster.allocation(plan)
    return over_cluster


def _record(plan: Plan, console: Console, tracker: Tracker, reports: list[dict[str, Any]]) -> None:
    """Record the finished trainings that have no run yet, those of an interrupted sweep included."""
    store, recorded = plan.places.parts, tracker.recorded_parts()
    for kind in dict.fromkeys(report["kind"] for report in reports):
        if not store.has(kind, plan.task) or key_of(kind, plan.task) in recorded:
            continue
        own = [report for report in reports if report["kind"] == kind]
        tracker.training(kind, own, store.folder(kind, plan.task))
        seconds = store.facts(kind, plan.task)["seconds"]
        console.line(
            f"          {kind}: {_said(own[-1]['metrics'], plan.metric)} in {seconds:.0f} s"
        )


def _train(plan: Plan, given: Allocation, missing: list[str], name: str, history: Path) -> None:
    import ray.train
    from ray.train.torch import TorchTrainer

    from trainables.workers.train import TrainJob, train_parts

    job = TrainJob(plan.task, tuple(missing), plan.places, str(history), given.train_threads)
    result = TorchTrainer(
        train_parts,
        train_loop_config=as_mapping(job),
        scaling_config=ray.train.ScalingConfig(
            num_workers=given.workers,
            use_gpu=given.on_gpus,  # NCCL then, else gloo
            resources_per_worker={"CPU": 1, **({"GPU": 1} if given.on_gpus else {})},
        ),
        run_config=ray.train.RunConfig(
            name=name,
            storage_path=str(Path(plan.storage) / "training"),
            failure_config=ray.train.FailureConfig(max_failures=_MAX_FAILURES),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=1),
        ),
    ).fit()
    if result.error is not None:
        raise TrainingFailed(last_line(str(result.error)))


class _Watch:
    """Reads the workers' reports as they come and shows them."""

    def __init__(self, history: Path, bar: Bar, metric: Metric) -> None:
        self._history, self._bar, self._metric = history, bar, metric
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
            reports = _read(self._history)
            if reports:
                last = reports[-1]
                said = _said(last["metrics"], self._metric)
                text = f"training {last['kind']}: {said}, update"
                self._bar.update(last["update"], last["updates"], text)


def _said(metrics: dict[str, float], metric: Metric) -> str:
    """A report in few words."""
    loss, validation = metrics["loss"], metrics["validation_loss"]
    found = 100 * metric.of(metrics[f"validation_{ACCURACY}"])
    return f"loss {loss:.3f}, on validation {validation:.3f} ({metric.title} {found:.0f} %)"


def _read(history: Path) -> list[dict[str, Any]]:
    """The reports so far; a line that is still being written is left for later."""
    if not history.exists():
        return []
    lines = history.read_text().split("\n")[:-1]
    return [json.loads(line) for line in lines]


def read(
    plan: Plan,
    console: Console,
    then: Callable[[Dataset, Progress], None] | None = None,
    spread: Spread | None = None,
) -> Dataset:
    """The plan's data, built by `spread`, or here, where they must be, with what is done to them `then`
    under the same bar.

    Raises:
        UsageError: files are missing, or nothing of a split can be used.
    """
    with console.bar("reading the data") as bar:
        dataset = plan.places.dataset(plan.task, bar.update, spread)
        if then is not None:
            then(dataset, bar.update)
    if plan.facts.note:
        console.line(f"          {plan.facts.note}")
    if dataset.left_out:
        count = len(dataset.left_out)
        files = "file" if count == 1 else "files"
        told = f"{count} {files} left out: {dataset.left_out[0]}"
        console.line(f"          {told}; all that was: {dataset.left_out_file}")
    return dataset
