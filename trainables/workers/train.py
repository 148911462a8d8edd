"""The function that every Ray Train worker runs: it trains the missing parts of a lane, one after the other,
each once those that it starts from are in the store.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict, cast

import ray.train
import ray.train.torch
import torch

from trainables.core import threads
from trainables.core.config import from_mapping
from trainables.core.places import place
from trainables.core.precision import has_bfloat16
from trainables.evaluation.storage import Storage
from trainables.task.recipe import Task
from trainables.training import stages
from trainables.training.batches import Share
from trainables.training.checkpoints import newest_state, save_state
from trainables.training.loop import Checkpoint, Report, train_part
from trainables.training.objective import Context
from trainables.training.part_store import PartFacts
from trainables.workers.history import LINES
from trainables.workers.shared_data import SharedData

_CHECKPOINTS = 4
"""Checkpoints of each part that are passed to Ray at the least; each takes Ray a while."""
_CHECKPOINT_SECONDS = 120.0
"""After these the next report brings a checkpoint: long trainings lose little when they are stopped."""
_WAIT_SECONDS = 0.3
"""Between looks whether a part is there that another lane trains."""
_PAUSE_SECONDS = 0.5
"""Between reports that are passed to Ray, which asks a worker for one at a time, five times a second."""


@dataclass(frozen=True)
class TrainJob:
    """The parts to train.

    Args:
        task: the task that the parts are of.
        kinds: the kinds of parts, in the order of training.
        storage: where the parts are stored.
        threads: CPU threads of a worker that trains on CPUs, for each of these parts.
        checkpoints: the folders of checkpoints in the storage: this training's, and those of the others that
            train beside it, which may have trained these parts before an interruption.
        given_up: a directory of this machine with an empty file for each kind of part that none of them
            will train; there are no others if empty.
    """

    task: Task
    kinds: tuple[str, ...]
    storage: Storage
    threads: tuple[int, ...]
    checkpoints: tuple[str, ...]
    given_up: str = ""


class _SavedState(TypedDict):
    """The content of a checkpoint that Ray keeps: the kind of the part, and its training."""

    kind: str
    state: Checkpoint


def train_parts(config: dict[str, object]) -> None:
    """Train the parts of a `TrainJob` that are not stored yet, from the last whole checkpoint on.

    Every worker runs this; the first one writes. `config` has the job as a mapping, and its data where they
    are shared, else None.
    """
    job = from_mapping(TrainJob, cast("dict[str, object]", config["job"]))
    shared = cast("SharedData | None", config["data"])
    worker = ray.train.get_context()
    device = ray.train.torch.get_device()
    share = Share(worker.get_world_rank(), worker.get_world_size(), device)
    dataset = job.storage.dataset(job.task) if shared is None else shared.dataset()
    saved = _saved_states(job, device)
    for kind, count in zip(job.kinds, job.threads, strict=True):
        if job.storage.parts.has(kind, job.task) or not _can_begin(kind, job):
            continue
        if device.type == "cpu":  # of a node that may have fewer CPUs than the largest
            torch.set_num_threads(min(count, threads.available()))
        checkpoint = saved.pop(kind, None)
        needed = {need: job.storage.parts.load(need, job.task) for need in stages.parts_given(kind)}
        reporter = _Reporter(share)
        context = Context(job.task, dataset, needed)
        weights = train_part(kind, context, share, reporter.report, checkpoint)
        if share.rank == 0:
            job.storage.parts.save(kind, job.task, weights, reporter.facts())
        if share.world > 1:
            torch.distributed.barrier()


def _saved_states(job: TrainJob, device: torch.device) -> dict[str, Checkpoint]:
    """The newest checkpoint of each part that has one."""
    states: dict[str, Checkpoint] = {}
    for folder in job.checkpoints:
        saved = cast("_SavedState | None", newest_state(place(folder), device))
        if saved is not None and saved["kind"] in job.kinds:
            kind, state = saved["kind"], saved["state"]
            if kind not in states or states[kind]["round"] < state["round"]:
                states[kind] = state
    return states


def _can_begin(kind: str, job: TrainJob) -> bool:
    """Wait until all that a part starts from is in the store; False where some of it will never be, and then
    neither will the part.
    """
    parts = job.storage.parts
    while not all(parts.has(need, job.task) for need in stages.parts_given(kind)):
        if not job.given_up:
            return True  # whoever loads it says what is missing
        if any(is_given_up(need, job) for need in stages.parts_given(kind)):
            give_up((kind,), job)
            return False
        time.sleep(_WAIT_SECONDS)
    return True


def give_up(kinds: Sequence[str], job: TrainJob) -> None:
    """Tell the trainings beside this one that it will not train these parts, where they are not stored."""
    for kind in kinds:
        if job.given_up and not job.storage.parts.has(kind, job.task):
            (Path(job.given_up) / kind).touch()


def is_given_up(kind: str, job: TrainJob) -> bool:
    """Whether a part is not stored, and will not be trained."""
    return (Path(job.given_up) / kind).exists() and not job.storage.parts.has(kind, job.task)


class _Reporter:
    """Passes the reports of a part's training on to Ray: those that have come since the last time together,
    and a few with a checkpoint. All workers do so equally often, since Ray waits for all.
    """

    def __init__(self, share: Share) -> None:
        self._share = share
        self._start = time.monotonic()
        self._next_time = self._start
        self._next_checkpoint = self._start + _CHECKPOINT_SECONDS
        self._metrics: dict[str, float] = {}
        self._lines: list[dict[str, Any]] = []
        self._checkpoint_count = 0

    def report(self, report: Report) -> None:
        """Keep the report for Ray; pass it on where a checkpoint is due, as at the end, or it is time."""
        self._metrics = report.metrics
        if self._share.rank == 0:
            self._lines.append(self._line(report))
        due = _CHECKPOINTS * report.update // report.updates
        is_report_time, is_checkpoint_time = self._is_time()
        if due > self._checkpoint_count or is_checkpoint_time:
            self._checkpoint_count = due
            self._to_ray(report)
            self._next_checkpoint = time.monotonic() + _CHECKPOINT_SECONDS
        elif is_report_time:
            self._to_ray(replace(report, checkpoint=None))

    def facts(self) -> PartFacts:
        """Facts about the training that are stored with the part."""
        return {
            "metrics": self._metrics,
            "seconds": round(time.monotonic() - self._start, 1),
            "workers": self._share.world,
            "threads": torch.get_num_threads(),
            "device": str(self._share.device),
            "bfloat16": has_bfloat16(self._share.device),
        }

    def _to_ray(self, report: Report) -> None:
        metrics = {"kind": report.kind, "update": report.update, LINES: self._lines}
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if report.checkpoint is not None:
                saved: _SavedState = {"kind": report.kind, "state": report.checkpoint}
                save_state(Path(folder), saved)
                checkpoint = ray.train.Checkpoint.from_directory(folder)
            ray.train.report(metrics, checkpoint=checkpoint)
        self._lines = []
        self._next_time = time.monotonic() + _PAUSE_SECONDS

    def _is_time(self) -> tuple[bool, bool]:
        """Whether the first worker's last report to Ray, and last checkpoint, are long enough ago."""
        now = time.monotonic()
        answers = torch.tensor(
            [now >= self._next_time, now >= self._next_checkpoint],
            dtype=torch.uint8,
            device=self._share.device,
        )
        if self._share.world > 1:
            torch.distributed.broadcast(answers, 0)
        report, checkpoint = (bool(answer) for answer in answers.tolist())
        return report, checkpoint

    def _line(self, report: Report) -> dict[str, Any]:
        return {
            "kind": report.kind,
            "update": report.update,
            "updates": report.updates,
            "seconds": round(time.monotonic() - self._start, 2),
            "metrics": report.metrics,
        }
