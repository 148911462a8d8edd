"""What a Ray Train worker runs: the missing parts, one after the other."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray.train
import ray.train.torch
import torch

from trainables.core.config import from_mapping
from trainables.core.precision import has_bfloat16
from trainables.evaluation.storage import Storage
from trainables.task.recipe import Task
from trainables.training import stages
from trainables.training.batches import Share
from trainables.training.loop import Report, train_part
from trainables.training.objective import Context

_CHECKPOINTS = 4
"""Checkpoints of each part that Ray is given, which takes its time over each."""


@dataclass(frozen=True)
class TrainJob:
    """Which parts to train, for which task, and how: in order, into the storage.

    `history` is the file that gets a JSON line a report; the driver reads it as it grows.
    """

    task: Task
    kinds: tuple[str, ...]
    storage: Storage
    history: str
    threads: int


def train_parts(config: dict[str, Any]) -> None:
    """Train the parts of a `TrainJob`, given as a mapping; parts already stored are skipped.

    Runs on every worker; the first one writes. Resumes from Ray's last checkpoint.
    """
    job = from_mapping(TrainJob, config)
    context = ray.train.get_context()
    device = ray.train.torch.get_device()
    if device.type == "cpu":
        torch.set_num_threads(job.threads)
    share = Share(context.get_world_rank(), context.get_world_size(), device)
    dataset = job.storage.dataset(job.task)
    saved = _last_checkpoint(device)
    for kind in job.kinds:
        if job.storage.parts.has(kind, job.task):
            continue
        resume = saved["state"] if saved is not None and saved["kind"] == kind else None
        needed = {need: job.storage.parts.load(need, job.task) for need in stages.given(kind)}
        reporter = _Reporter(job, share)
        weights = train_part(
            kind, Context(job.task, dataset, needed), share, reporter.report, resume
        )
        if share.rank == 0:
            job.storage.parts.save(kind, job.task, weights, reporter.facts())
        if share.world > 1:
            torch.distributed.barrier()


class _Reporter:
    """Passes a part's reports on: to Ray with the checkpoint, to the history file for people."""

    def __init__(self, job: TrainJob, share: Share) -> None:
        self._job, self._share = job, share
        self._start = time.monotonic()
        self._metrics: dict[str, float] = {}
        self._given = 0

    def report(self, report: Report) -> None:
        """Every report goes to the history, a few to Ray."""
        self._metrics = report.metrics
        if self._share.rank == 0:
            self._append(report)
        due = _CHECKPOINTS * report.update // report.updates
        if due > self._given:
            self._given = due
            self._to_ray(report)

    def _to_ray(self, report: Report) -> None:
        metrics = {"kind": report.kind, "update": report.update, **report.metrics}
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = None
            if report.checkpoint is not None:
                state = {"kind": report.kind, "state": report.checkpoint}
                torch.save(state, Path(folder) / "state.pt")
                checkpoint = ray.train.Checkpoint.from_directory(folder)
            ray.train.report(metrics, checkpoint=checkpoint)

    def facts(self) -> dict[str, Any]:
        """What is kept beside the part."""
        return {
            "metrics": self._metrics,
            "seconds": round(time.monotonic() - self._start, 1),
            "workers": self._share.world,
            "threads": torch.get_num_threads(),
            "device": str(self._share.device),
            "bfloat16": has_bfloat16(self._share.device),
        }

    def _append(self, report: Report) -> None:
        line = {
            "kind": report.kind,
            "update": report.update,
            "updates": report.updates,
            "seconds": round(time.monotonic() - self._start, 2),
            "metrics": report.metrics,
        }
        with Path(self._job.history).open("a") as file:
            file.write(json.dumps(line) + "\n")


def _last_checkpoint(device: torch.device) -> dict[str, Any] | None:
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return None
    with checkpoint.as_directory() as folder:
        value: dict[str, Any] | None = torch.load(
            Path(folder) / "state.pt", map_location=device, weights_only=True
        )
        return value
