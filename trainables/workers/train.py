"""The function that every Ray Train worker runs: it trains the missing parts, one after the other."""

from __future__ import annotations

import tempfile
import time
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
"""Checkpoints of each part that are passed to Ray; each takes Ray a while."""
_PAUSE_SECONDS = 0.5
"""Between reports that are passed to Ray, which asks a worker for one at a time, five times a second."""


@dataclass(frozen=True)
class TrainJob:
    """The parts to train.

    Args:
        task: the task that the parts are of.
        kinds: the kinds of parts, in the order of training.
        storage: where the parts are stored.
        threads: CPU threads of a worker that trains on CPUs.
        checkpoints: the folder of the training's checkpoints, in the storage.
    """

    task: Task
    kinds: tuple[str, ...]
    storage: Storage
    threads: int
    checkpoints: str


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
    if device.type == "cpu":  # of a node that may have fewer CPUs than the largest
        torch.set_num_threads(min(job.threads, threads.available()))
    share = Share(worker.get_world_rank(), worker.get_world_size(), device)
    dataset = job.storage.dataset(job.task) if shared is None else shared.dataset()
    saved = cast("_SavedState | None", newest_state(place(job.checkpoints), device))
    for kind in job.kinds:
        if job.storage.parts.has(kind, job.task):
            continue
        checkpoint = saved["state"] if saved is not None and saved["kind"] == kind else None
        needed = {need: job.storage.parts.load(need, job.task) for need in stages.parts_given(kind)}
        reporter = _Reporter(share)
        context = Context(job.task, dataset, needed)
        weights = train_part(kind, context, share, reporter.report, checkpoint)
        if share.rank == 0:
            job.storage.parts.save(kind, job.task, weights, reporter.facts())
        if share.world > 1:
            torch.distributed.barrier()


class _Reporter:
    """Passes the reports of a part's training on to Ray: those that have come since the last time together,
    and a few with a checkpoint. All workers do so equally often, since Ray waits for all.
    """

    def __init__(self, share: Share) -> None:
        self._share = share
        self._start = time.monotonic()
        self._next_time = self._start
        self._metrics: dict[str, float] = {}
        self._lines: list[dict[str, Any]] = []
        self._checkpoint_count = 0

    def report(self, report: Report) -> None:
        """Keep the report for Ray; pass it on where a checkpoint is due, as at the end, or it is time."""
        self._metrics = report.metrics
        if self._share.rank == 0:
            self._lines.append(self._line(report))
        due = _CHECKPOINTS * report.update // report.updates
        if due > self._checkpoint_count:
            self._checkpoint_count = due
            self._to_ray(report)
        elif self._is_time():
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

    def _is_time(self) -> bool:
        """Whether the first worker's last report to Ray is long enough ago."""
        answer = torch.tensor(
            time.monotonic() >= self._next_time, dtype=torch.uint8, device=self._share.device
        )
        if self._share.world > 1:
            torch.distributed.broadcast(answer, 0)
        return bool(answer)

    def _line(self, report: Report) -> dict[str, Any]:
        return {
            "kind": report.kind,
            "update": report.update,
            "updates": report.updates,
            "seconds": round(time.monotonic() - self._start, 2),
            "metrics": report.metrics,
        }
