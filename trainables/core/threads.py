"""The CPU threads of a process: how many there may be, and how they wait for each other.

What torch computes on a CPU is shared out to OpenMP threads, which wait for each other at the end of
every operation; a small network has thousands of these in an update. GNU's OpenMP, which comes with
torch, lets a thread that waits spin in a loop for several milliseconds before it sleeps. Beside another
busy process that is very slow: the loop takes the core from the very thread it waits for. Sleeping at
once is very slow too, but on a quiet machine, where most waits are shorter than falling asleep. So
threads spin about as long as it takes to fall asleep and be woken: a compromise, whose cost
`tests/bench_busy.py` measures. It changes when threads run, not what they compute.
"""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")

ENVIRONMENT = {"GOMP_SPINCOUNT": "1000"}
"""Environment variables of a process that loads torch: how often a thread checks in a loop, about 20 ns
each time, before it sleeps.
"""


def set_environment() -> None:
    """Set `ENVIRONMENT` for this process and those that it starts, except what is set already.

    It must be called before torch is loaded.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def available() -> int:
    """The number of CPUs that this process may use: its affinity, within the quota of its container."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, period = _QUOTA.read_text().split() if _QUOTA.is_file() else ("max", "1")
    return cpus if quota == "max" else max(1, min(cpus, int(quota) // int(period)))
