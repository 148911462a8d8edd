"""How the workers of a training on a single machine find each other: in a file, so that nothing listens
beyond the machine. Torch's usual meeting point is a store whose port is open on every address.
"""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.train._internal.base_worker_group import BaseWorkerGroup
from ray.train.backend import BackendConfig
from ray.train.torch import TorchConfig
from ray.train.torch.config import (
    _set_torch_distributed_env_vars,
    _setup_torch_process_group,
    _TorchBackend,
)


@dataclass
class OnThisMachine(TorchConfig):
    """Torch's process group for workers that are all on this machine.

    Args:
        folder: a directory of this training alone, where each group of workers makes a file.
    """

    folder: str = ""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        """What starts and ends the process group."""
        return _FileMeeting


class _FileMeeting(_TorchBackend):
    """Torch's backend of Ray Train, but for its start."""

    def on_start(self, worker_group: BaseWorkerGroup, backend_config: BackendConfig) -> None:
        """Start the process group: NCCL's on GPUs, else gloo's, as Ray Train does."""
        assert isinstance(backend_config, OnThisMachine)
        on_gpus = worker_group.get_resources_per_worker().get("GPU", 0) > 0
        file = (
            Path(backend_config.folder) / uuid.uuid4().hex
        )  # workers that come after failed ones: another
        worker_group.execute(_set_torch_distributed_env_vars)
        worker_group.execute(_talk_within_this_machine)
        started: list[Any] = [
            worker_group.execute_single_async(
                rank,
                _setup_torch_process_group,
                backend="nccl" if on_gpus else "gloo",
                world_rank=rank,
                world_size=len(worker_group),
                init_method=file.as_uri(),
                timeout_s=backend_config.timeout_s,
            )
            for rank in range(len(worker_group))
        ]
        ray.get(started)


def _talk_within_this_machine() -> None:
    """Let gloo and NCCL use the loopback interface, unless the environment says otherwise."""
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
    if loopback is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
        os.environ.setdefault("NCCL_SOCKET_IFNAME", loopback)
