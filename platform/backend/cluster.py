"""A Ray cluster, which is started when it is first needed and left when the work is done."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from platform.backend.allocation import Allocation, Node, allocation, can_train, room
from platform.backend.crew import KeptCrew
from platform.backend.patient_client import environment
from platform.cli.interrupts import last_line, rearm
from platform.planning.setup import Setup
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch

from trainables.core import threads
from trainables.core.errors import UsageError
from trainables.data import datasets

if TYPE_CHECKING:
    from trainables.evaluation.storage import Storage
    from trainables.workers.shared_data import SharedData

_SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_DEDUP_LOGS": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
}
_LOCAL = "local"
_PROBE_SECONDS = 60.0  # that a node may take to tell the memory of its GPUs
_COUNT_SECONDS = 5.0  # after which nodes are counted again
_PROBE_SHARE = 0.001  # of a GPU, so that it can be asked beside whoever uses it


class Cluster:
    """A Ray cluster to run on: the one that `RAY_ADDRESS` names, else a new one on this machine.

    Attributes:
        crew: the actors that measure, which may stay from one measuring to the next.
    """

    def __init__(self) -> None:
        self.crew = KeptCrew()
        self._nodes: list[Node] | None = None
        self._ids: list[str] = []
        self._others: dict[str, str] = {}
        self._checked: set[tuple[str, ...]] = set()
        self._now: list[Node] = []
        self._counted = -math.inf
        self._data: tuple[tuple[Storage, str, float], SharedData] | None = None

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
        if self._nodes is not None:
            import ray

            ray.shutdown()
            self._nodes = self._data = None

    @property
    def is_own(self) -> bool:
        """Whether it is a new one on this machine, and no other's that is joined."""
        return _address() == _LOCAL

    def foreseen(self, setup: Setup) -> Allocation:
        """The allocation that a plan will have: nothing is started for it on this machine, but a cluster
        elsewhere is joined and asked.

        Raises:
            UsageError: the cluster cannot be reached, or lacks what the plan asks for.
        """
        if self._nodes is None and self.is_own:
            return allocation(setup, [this_machine()])
        return self.allocation(setup)

    def allocation(self, setup: Setup) -> Allocation:
        """The allocation of a plan to the cluster, which is started or joined where that was not done.

        Raises:
            UsageError: the cluster cannot be reached, or lacks what the plan asks for; or one of its
                GPUs is to be used that torch does not find.
        """
        if self._nodes is None:
            self._nodes = self._start()
        if setup.plan.gpus_per_trial is None or allocation(setup, self._nodes).on_gpus:
            self._probe_gpus()
        return allocation(setup, self._nodes)

    def room(self, setup: Setup, given: Allocation) -> int:
        """How many actors of a plan's allocation the cluster has room for at the moment: other nodes come and
        go. They are counted again every few seconds.
        """
        return given.actors if self.is_own else room(setup, given, self._nodes_now())

    def can_train(self, given: Allocation) -> bool:
        """Whether the cluster has room at the moment for the training workers of an allocation."""
        return self.is_own or can_train(given, self._nodes_now())

    def _nodes_now(self) -> list[Node]:
        """The nodes of a joined cluster at the moment; what memory their GPUs have is not asked."""
        import ray

        if time.monotonic() - self._counted > _COUNT_SECONDS:
            self._now = [_node(node["Resources"]) for node in ray.nodes() if node["Alive"]]
            self._counted = time.monotonic()
        return self._now

    def check_nodes(self, setup: Setup) -> None:
        """Check that the other nodes of a cluster, where there are any, are as this process needs them, see
        `platform.backend.node_checks`; once for each storage and data.

        Raises:
            UsageError: the cluster cannot be reached, or a node is not.
        """
        if self._nodes is None and not self.is_own:
            self._nodes = self._start()
        places = setup.plan.storage, setup.plan.data_dir, setup.plan.whisper, setup.plan.sgmse
        if not self._others or places in self._checked:
            return
        from platform.backend.node_checks import check_nodes

        check_nodes(setup, self._others)
        self._checked.add(places)

    def data(self, setup: Setup) -> SharedData | None:
        """A setup's data in the store of objects of the cluster, which has been started: read once by this
        process, and kept until others are asked for. None where workers read them from files that are mapped
        into memory, as a node has one copy of these anyway.

        Raises:
            UsageError: the data are not there.
        """
        task = setup.task
        if datasets.must_be_built(task.dataset):
            return None
        from trainables.workers.shared_data import share

        key = setup.storage, task.dataset, task.train_fraction
        if self._data is None or self._data[0] != key:
            self._data = None  # so that the store has room
            self._data = key, share(setup.storage.dataset(task))
        return self._data[1]

    def _start(self) -> list[Node]:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        address, local_node = _address(), this_machine()
        joining = not self.is_own  # another cluster has its own counts, and its own environment
        try:
            self._init(
                address=address,
                include_dashboard=None if joining else False,
                runtime_env={"env_vars": threads.ENVIRONMENT} if joining else None,
                log_to_driver=True,
                logging_level=logging.ERROR,
                configure_logging=True,
                num_cpus=None if joining else local_node.cpus,
                num_gpus=None if joining else local_node.gpus,
            )
        except (ConnectionError, RuntimeError) as error:
            if not joining:
                raise
            raise UsageError(
                f"no Ray cluster answers at {address!r} ({_first_line(error)}): unset RAY_ADDRESS to "
                "use this machine alone"
            ) from error
        rearm()
        if not joining:
            return [local_node]
        import ray

        alive = [node for node in ray.nodes() if node["Alive"]]
        self._ids = [node["NodeID"] for node in alive]
        here = ray.get_runtime_context().get_node_id()
        self._others = {
            node["NodeID"]: f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            for node in alive
            if node["NodeID"] != here
        }
        return [_node(node["Resources"]) for node in alive]

    @staticmethod
    def _init(address: str, **options: Any) -> None:
        """Start or join Ray. One that is started listens on 127.0.0.1 alone, with a token.

        Ray asks the network for the machine's address, also where 127.0.0.1 is named, and lets all of its
        processes listen on every address; it takes 127.0.0.1 where it is told that there are no clusters. The
        token is Ray's own, in ~/.ray/auth_token, unless the environment names another.
        """
        import ray
        from ray._private import ray_constants

        if address != _LOCAL:
            with _handlers_kept():
                ray.init(address=address, **options)
            return
        clusters = ray_constants.ENABLE_RAY_CLUSTER
        ray_constants.ENABLE_RAY_CLUSTER = (
            False  # of this process, which may have loaded Ray before
        )
        try:
            os.environ.pop("RAY_AUTH_MODE", None)  # Ray then chooses the token, and reads it again
            with environment({ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0"}), _handlers_kept():
                ray.init(address=address, **options)
        finally:
            ray_constants.ENABLE_RAY_CLUSTER = clusters

    def _probe_gpus(self) -> None:
        """Find out how much memory the GPUs of other nodes have, where that was not done. A node that does
        not answer in time, as its GPUs are in use, keeps 0.
        """
        assert self._nodes is not None
        with_gpus = [i for i in range(len(self._ids)) if self._nodes[i].gpus]
        self._ids, ids = [], self._ids
        if not with_gpus:
            return
        import ray
        from ray.exceptions import RayError
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        from trainables.workers.device import gpu_memory

        remote = ray.remote(num_cpus=0, num_gpus=_PROBE_SHARE, max_retries=0)(gpu_memory)
        calls = {
            remote.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(ids[i], soft=False)
            ).remote(): i
            for i in with_gpus
        }
        completed, pending = ray.wait([*calls], num_returns=len(calls), timeout=_PROBE_SECONDS)
        for call in pending:
            ray.cancel(call)
        for call in completed:
            try:
                memory = ray.get(call)
            except RayError as error:
                reason = last_line(str(error)).split("UsageError: ")[-1]
                raise UsageError(f"GPUs of the Ray cluster cannot be used: {reason}") from error
            i = calls[call]
            self._nodes[i] = replace(self._nodes[i], gpu_memory=memory)


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Within it, Ray leaves SIGTERM to whom it belongs. Its own handler, in force from the first moment of
    its start, ends the process at once, with the signal's number as its status.
    """
    import ray._private.utils as utils

    setter = utils.set_sigterm_handler
    utils.set_sigterm_handler = lambda handler: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = setter


def this_machine() -> Node:
    """The part of this machine that Ray is to use: the CPUs that this process may use, and the GPUs that
    torch finds.
    """
    gpus = torch.cuda.device_count()
    memory = min((torch.cuda.get_device_properties(i).total_memory for i in range(gpus)), default=0)
    return Node(threads.available(), gpus, memory)


def _node(resources: Mapping[str, float]) -> Node:
    """The node of the resources that Ray names."""
    return Node(int(resources.get("CPU", 0)), int(resources.get("GPU", 0)))


def _address() -> str:
    return os.environ.get("RAY_ADDRESS") or _LOCAL


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
