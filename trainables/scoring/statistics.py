"""Statistics that accuracy and word error rates share: intervals, permutation tests, Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95
_FLIPS = 20_000


@dataclass(frozen=True)
class PairedTest:
    """Mean difference on the same samples, its 95 % interval, two-sided p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def wilson(p: float, size: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a fraction p of `size` independent samples."""
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    center = (p + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(p * (1 - p) / size + z * z / (4 * size * size))
    return max(0.0, min(center - half, p)), min(1.0, max(center + half, p))


def sign_flip(difference: np.ndarray, seed: int) -> float:
    """Two-sided p-value of the mean under random signs of the samples' differences (N,)."""
    nonzero = difference[difference != 0]
    if len(nonzero) == 0:
        return 1.0
    flips = np.random.default_rng(seed).choice((-1.0, 1.0), size=(_FLIPS, len(nonzero)))
    null = np.abs(flips @ nonzero)
    extreme = int((null >= abs(nonzero.sum()) - 1e-9).sum())
    return (extreme + 1) / (_FLIPS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for several tests, in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected
