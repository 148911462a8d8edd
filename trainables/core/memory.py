"""Memory: keeping freed pages of a process, and how many samples fit on a device."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

import torch

GPU_SHARE = 0.6
"""The fraction of a GPU's memory, or of a share of a GPU, that a batch may take."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_NEVER = 2**31 - 1
_DATA_SHARE = 0.2
_PROBES = (4, 12)
_LARGEST_BATCH = 4096


def keep_pages() -> bool:
    """Make this process keep the memory that it frees, where the C library can (glibc's mallopt).

    Otherwise every tensor beyond 32 MB is fetched from the system anew, page fault by page fault,
    which makes large batches on CPUs twice as slow a sample as small ones. Returns whether it did.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _NEVER) and mallopt(_M_TRIM_THRESHOLD, _NEVER))


def fitting_batch(
    device: torch.device, batch: int, share: float, work: Callable[[int], object]
) -> int:
    """The number of samples to process together.

    On a CPU it is `batch`. On a GPU it is the largest power of two that fits into `share` of its
    memory, extrapolated from the memory that `work` takes for two small batches.

    Args:
        device: where the samples are processed.
        batch: the number of samples on a CPU.
        share: the fraction of the GPU that this process has.
        work: processes as many samples as it is given.
    """
    if device.type != "cuda":
        return batch
    work(_PROBES[0])  # libraries keep some memory from their first call on
    peaks = [_peak(device, work, size) for size in _PROBES]
    bytes_each = max(1.0, (peaks[1] - peaks[0]) / (_PROBES[1] - _PROBES[0]))
    capacity = (
        GPU_SHARE * share * torch.cuda.get_device_properties(device).total_memory / bytes_each
    )
    value: int = 2 ** (max(1, min(_LARGEST_BATCH, int(capacity))).bit_length() - 1)
    return value


def room_for_data(device: torch.device) -> int:
    """Bytes of a GPU's memory that a training set may take; 0 for a CPU, which holds the set already."""
    if device.type != "cuda":
        return 0
    return int(_DATA_SHARE * torch.cuda.get_device_properties(device).total_memory)


def _peak(device: torch.device, work: Callable[[int], object], batch: int) -> int:
    """Bytes that `work(batch)` allocates at most on a GPU, beside what was allocated before."""
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work(batch)
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before
