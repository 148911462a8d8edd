"""The device that is lent to a process of Ray's."""

from __future__ import annotations

import ray
import torch

from trainables.core.errors import UsageError


def worker_device() -> torch.device:
    """The device lent to this worker: a GPU that Ray assigned, else the CPU.

    Ray lets a worker without GPUs see them all, so `torch.cuda.is_available()` would say too much.

    Raises:
        UsageError: Ray assigned a GPU that torch does not find.
    """
    given = ray.get_gpu_ids()
    if not given:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError(
            f"Ray lent GPU {given[0]} of {ray.util.get_node_ip_address()}, but torch finds no CUDA device "
            "there: mend its driver, or start that node with --num-gpus 0, or say --gpus-per-trial 0"
        )
    return torch.device("cuda")


def gpu_memory() -> int:
    """Bytes of memory of the GPU that is lent to this worker.

    Raises:
        UsageError: Ray assigned a GPU that torch does not find.
    """
    memory: int = torch.cuda.get_device_properties(worker_device()).total_memory
    return memory
