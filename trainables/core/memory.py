"""Memory of the device: pages that are kept, and how many samples fit."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

import torch

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_NEVER = 2**31 - 1
_SHARE = 0.6  # of a GPU's memory; the rest is for what the estimate does not see
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
    device: torch.device, asked: int, share: float, work: Callable[[int], object]
) -> int:
    """How many samples to sample together: on a CPU as many as asked for; on a GPU the largest power
    of two that fits into `share` of its memory, by what `work(batch)` takes for two small batches.
    """
    if device.type != "cuda":
        return asked
    taken = [_peak(device, work, batch) for batch in _PROBES]
    each = max(1.0, (taken[1] - taken[0]) / (_PROBES[1] - _PROBES[0]))
    fits = _SHARE * share * torch.cuda.get_device_properties(device).total_memory / each
    value: int = 2 ** (max(1, min(_LARGEST_BATCH, int(fits))).bit_length() - 1)
    return value


def room_for_data(device: torch.device) -> int:
    """Bytes of a GPU's memory that a training set may take; 0 for a CPU, where it lies already."""
    if device.type != "cuda":
        return 0
    return int(_DATA_SHARE * torch.cuda.get_device_properties(device).total_memory)


def _peak(device: torch.device, work: Callable[[int], object], batch: int) -> int:
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work(batch)
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before
