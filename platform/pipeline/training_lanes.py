"""Parts trained by Ray Train: a run of it for each lane, all at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from platform.backend.allocation import Allocation
from platform.backend.ray_storage import ray_storage
from platform.cli.interrupts import in_background, last_line
from platform.planning.lanes import Lane
from platform.planning.setup import Setup
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trainables.core.config import as_mapping
from trainables.core.places import is_uri, place
from trainables.training import checkpoints as checkpoint_files

if TYPE_CHECKING:
    from trainables.workers.shared_data import SharedData
    from trainables.workers.train import TrainJob

_MAX_FAILURES = 2
_RAYS_LIST = "checkpoint_manager_snapshot.json"  # cut short, it would keep Ray from starting


class TrainingFailed(RuntimeError):
    """A part could not be trained."""


def history_name(name: str) -> str:
    """Where in a storage the history of a training of that name is."""
    return f"training/{name}.history.jsonl"


def train_in_lanes(
    setup: Setup,
    allocation: Allocation,
    own: bool,
    data: SharedData | None,
    lanes: Sequence[Lane],
    name: str,
    history: Path,
) -> None:
    """Train the parts of all lanes. Where one fails the others go on with what does not depend on it.

    Args:
        setup: whose parts.
        allocation: the workers of each lane.
        own: whether the cluster is one of this machine's own; there may be several lanes only then.
        data: the data, where they are shared.
        lanes: the parts, in an order in which they can be trained.
        name: of the training.
        history: the file that the reports go to.

    Raises:
        TrainingFailed: a training ended with an error, after it had been tried again.
    """
    trainings = place(setup.storage.root) / "training"
    names = _names(trainings, name, len(lanes))
    folders = [trainings / each for each in names]
    for folder in folders:
        checkpoint_files.put_damaged_aside(folder)
        (folder / _RAYS_LIST).unlink(missing_ok=True)
    copy = str(trainings.parent / history_name(name)) if is_uri(setup.storage.root) else ""
    with TemporaryDirectory(prefix="meeting-", ignore_cleanup_errors=True) as meeting:
        given_up = Path(meeting) / "given-up"
        given_up.mkdir()
        beside = str(given_up) if len(lanes) > 1 else ""
        jobs = _jobs(setup, lanes, tuple(map(str, folders)), beside)
        runs = _Runs(allocation, data, trainings, meeting if own else "", str(history), copy)
        pairs = zip(jobs, names[: len(lanes)], strict=True)
        in_background(*(partial(runs.train, job, each) for job, each in pairs))
    for folder in folders:
        checkpoint_files.remove_checkpoints(folder)


def _jobs(
    setup: Setup, lanes: Sequence[Lane], checkpoints: tuple[str, ...], given_up: str
) -> list[TrainJob]:
    """What each lane trains; `checkpoints` and `given_up` are as for `TrainJob`."""
    from trainables.workers.train import TrainJob

    return [
        TrainJob(setup.task, lane.kinds, setup.storage, lane.threads, checkpoints, given_up)
        for lane in lanes
    ]


def _names(trainings: Path, name: str, lanes: int) -> list[str]:
    """The names of the lanes' runs, and of those that an interrupted training had beside them."""
    names = [name]
    while len(names) < lanes or (trainings / f"{name}-{len(names) + 1}").exists():
        names.append(f"{name}-{len(names) + 1}")
    return names


@dataclass(frozen=True)
class _Runs:
    """What the runs of all lanes have in common.

    Args:
        allocation: the workers of each.
        data: the data, where they are shared.
        trainings: where Ray Train keeps what it has of each.
        meeting: a directory of this machine where workers find each other; by Ray's own way if empty.
        history: the file that the reports go to.
        copy: where it is copied to; nowhere if empty.
    """

    allocation: Allocation
    data: SharedData | None
    trainings: Path
    meeting: str
    history: str
    copy: str

    def train(self, job: TrainJob, name: str) -> None:
        """Train the parts of a lane; those that it does not train are given up for the others."""
        import ray.train
        from ray.train.torch import TorchConfig, TorchTrainer

        from trainables.workers.history import History
        from trainables.workers.meeting import OnThisMachine
        from trainables.workers.train import give_up, train_parts

        on_gpus = self.allocation.on_gpus
        try:
            result = TorchTrainer(
                train_parts,
                train_loop_config={"job": as_mapping(job), "data": self.data},
                torch_config=OnThisMachine(folder=self.meeting) if self.meeting else TorchConfig(),
                scaling_config=ray.train.ScalingConfig(
                    num_workers=self.allocation.workers,
                    use_gpu=on_gpus,  # NCCL then, else gloo
                    resources_per_worker={"CPU": 1, **({"GPU": 1} if on_gpus else {})},
                ),
                run_config=ray.train.RunConfig(
                    name=name,
                    **ray_storage(self.trainings),
                    failure_config=ray.train.FailureConfig(max_failures=_MAX_FAILURES),
                    checkpoint_config=ray.train.CheckpointConfig(num_to_keep=2),
                    callbacks=[History(self.history, self.copy)],  # type: ignore[list-item]  # typed as of the old Ray Train
                ),
            ).fit()
        finally:
            with suppress(FileNotFoundError):  # an interruption has removed the directory
                give_up(job.kinds, job)
        if result.error is not None:
            raise TrainingFailed(last_line(str(result.error))) from result.error
