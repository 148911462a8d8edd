"""Ray, started when it is first needed and gone when the work is done; and what it has to offer."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from platform.cli.interrupts import rearm
from platform.planning.plan import Plan
from types import TracebackType

from trainables.core import threads
from trainables.core.errors import UsageError

_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_DEDUP_LOGS": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
}


@dataclass(frozen=True)
class Room:
    """How the work is spread: `actors` measure at a time with `threads` CPU threads each; training
    has `workers` of `train_threads`.
    """

    actors: int
    threads: int
    workers: int
    train_threads: int


class Cluster:
    """A Ray cluster to run on: the one that `RAY_ADDRESS` names, else one of this machine's own."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._room: Room | None = None

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Shut down or leave Ray, where it was started."""
        if self._room is not None:
            import ray

            ray.shutdown()
            self._room = None

    def room(self) -> Room:
        """Start or join Ray where that has not been done; say what there is room for.

        Raises:
            UsageError: the cluster cannot be reached, or has not what the plan asks for.
        """
        if self._room is None:
            self._room = self._start()
        return self._room

    def _start(self) -> Room:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        import ray

        address = os.environ.get("RAY_ADDRESS", "local")
        joins = address != "local"  # else workers inherit this process's environment
        try:
            ray.init(
                address=address,
                include_dashboard=None if joins else False,
                runtime_env={"env_vars": threads.ENVIRONMENT} if joins else None,
                log_to_driver=True,
                logging_level=logging.ERROR,
                configure_logging=True,
            )
        except (ConnectionError, RuntimeError) as error:
            raise UsageError(
                f"no Ray cluster answers at {address!r} ({_first_line(error)}): unset RAY_ADDRESS to "
                "use this machine alone"
            ) from error
        rearm()
        try:
            return room(self._plan, ray.cluster_resources())
        except UsageError:
            ray.shutdown()
            raise


def room(plan: Plan, resources: dict[str, float]) -> Room:
    """What a cluster of these resources has room for.

    On CPUs: an actor a core, one thread each, which beats one actor of many threads; training by one
    worker with all threads of its share, unless more workers are asked for. On GPUs: as many actors
    as fractions of a GPU, a training worker a GPU.

    Raises:
        UsageError: the plan asks for more than there is.
    """
    cpus, gpus = int(resources.get("CPU", 0)), resources.get("GPU", 0.0)
    if cpus < 1:
        raise UsageError("the Ray cluster has no CPU to run on: add a node")
    per_trial = plan.gpus_per_trial
    if per_trial > gpus:
        raise UsageError(
            f"--gpus-per-trial is {per_trial:g}, but the Ray cluster has {gpus:g} GPUs"
        )
    if per_trial > 0:
        most = min(cpus, int(gpus / per_trial))
        workers = plan.workers or _divisor(plan, int(gpus / max(1.0, per_trial)))
    else:
        most, workers = cpus, plan.workers or 1
    if max(workers, 1) > cpus:
        raise UsageError(f"--workers is {plan.workers}, but the Ray cluster has {cpus} CPUs")
    actors = min(plan.workers or most, most)
    nodes_threads = min(cpus, threads.available())
    return Room(actors, 1, workers, max(1, nodes_threads // workers))


def _divisor(plan: Plan, most: int) -> int:
    """The largest number of workers up to `most` that divides the batch."""
    batch = plan.budget.recipe.batch
    return max(n for n in range(1, max(most, 1) + 1) if batch % n == 0)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
