"""DiDiCM-CP's step of linear cost against the K×K matrix form: python tests/bench_labels.py.

Time is the median of repeated steps on one thread. Memory is what the resident set of a process of its own
grows by at its peak, for one step after a step of three labels has loaded what there is to load.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from torch import Tensor

from trainables.diffusion.label_updates import backward_euler, explicit_euler

SIZES = {10: 32, 100: 32, 1000: 8, 10_000: 1}  # K: the batch
STEP = 1 / 8


def matrix_form(p: Tensor, q: Tensor, size: float) -> Tensor:
    """(I + size M) p by the published form: the K×K matrices of ratios, then of transitions."""
    K = p.shape[1]
    rates = q[:, :, None] / q[:, None, :]
    rates *= torch.ones(K, K) - K * torch.eye(K)
    rates -= torch.diag_embed(rates.sum(dim=1))
    transitions = rates.mul_(size)
    transitions += torch.eye(K)
    return torch.bmm(transitions, p[:, :, None])[:, :, 0]


FORMS: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "matrix": matrix_form,
    "explicit": explicit_euler,
    "backward": backward_euler,
}


def _inputs(batch: int, K: int) -> tuple[Tensor, Tensor, float]:
    generator = torch.Generator().manual_seed(0)
    p, q = (torch.softmax(torch.randn(batch, K, generator=generator), dim=1) for _ in range(2))
    return p, q, STEP / K


def _milliseconds(form: str, K: int) -> float:
    inputs, seconds = _inputs(SIZES[K], K), []
    FORMS[form](*inputs)
    while len(seconds) < 3 or (sum(seconds) < 1 and len(seconds) < 500):
        start = time.perf_counter()
        FORMS[form](*inputs)
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def _peak_growth(form: str, K: int) -> float:
    """The growth in MiB, measured in this process."""
    FORMS[form](*_inputs(2, 3))
    inputs = _inputs(SIZES[K], K)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    FORMS[form](*inputs)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    """Print a row for each number of labels and form of the step."""
    for K, batch in SIZES.items():
        for form in FORMS:
            command = [sys.executable, __file__, form, str(K)]
            child = subprocess.run(command, capture_output=True, text=True, check=True)
            milliseconds = _milliseconds(form, K)
            print(
                f"K {K:6d}  B {batch:3d}  {form:9s} {milliseconds:9.3f} ms  {child.stdout.strip()}"
            )


if __name__ == "__main__":
    torch.set_num_threads(1)
    if len(sys.argv) == 3:
        print(f"{_peak_growth(sys.argv[1], int(sys.argv[2])):8.1f} MiB")
    else:
        main()
