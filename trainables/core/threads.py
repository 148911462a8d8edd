"""The CPU threads of a process: how many there may be, and how they wait for each other.

What torch computes on a CPU is shared out to OpenMP threads, which wait for each other at the end of
every operation; a small network has thousands of these in an update. GNU's OpenMP, which comes with
torch, lets a thread that is early turn in a loop for several milliseconds before it sleeps. Beside
another busy process that is ruinous: the loop takes the core from the very thread it waits for. To
sleep at once is ruinous too, but on a quiet machine, where a wait is shorter than falling asleep. So
threads wait in a loop about as long as it takes to fall asleep and be woken: a compromise, whose price
`tests/bench_busy.py` measures. It changes when threads run, not what they compute.
"""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")

ENVIRONMENT = {"GOMP_SPINCOUNT": "1000"}
"""What a process must have in its environment when it loads torch: turns of the loop, about 20 ns each."""


def settle() -> None:
    """Have this process's threads, and those of the processes that it starts, wait as is said here,
    unless the environment says otherwise. To be called before torch is loaded.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def available() -> int:
    """CPUs that this process may use, as far as a container's quota goes."""
    able = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, period = _QUOTA.read_text().split() if _QUOTA.is_file() else ("max", "1")
    return able if quota == "max" else max(1, min(able, int(quota) // int(period)))
