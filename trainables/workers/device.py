"""The device that Ray assigned to a worker."""

from __future__ import annotations

import ray
import torch

from trainables.core.errors import UsageError


def worker_device() -> torch.device:
    """This worker's device: the GPU that Ray assigned, or the CPU if it assigned none.

    `torch.cuda.is_available()` does not tell: a worker without an assigned GPU may see all of them.

    Raises:
        UsageError: Ray assigned a GPU that torch does not find.
    """
    gpu_ids = ray.get_gpu_ids()
    if not gpu_ids:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError(
            f"Ray lent GPU {gpu_ids[0]} of {ray.util.get_node_ip_address()}, but torch finds no CUDA device "
            "there: mend its driver, or start that node with --num-gpus 0, or say --gpus-per-trial 0"
        )
    return torch.device("cuda")


def gpu_memory() -> int:
    """The memory of the GPU that Ray assigned to this worker, in bytes.

    Raises:
        UsageError: Ray assigned a GPU that torch does not find.
    """
    memory: int = torch.cuda.get_device_properties(worker_device()).total_memory
    return memory
