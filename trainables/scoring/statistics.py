"""Statistics of accuracies and word error rates: intervals, permutation tests, Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainables.scoring.quantiles import normal_quantile, student_quantile

LEVEL = 0.95
"""The confidence level of all intervals."""


@dataclass(frozen=True)
class PairedTest:
    """The mean difference on the same samples, its 95 % interval, and the two-sided p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def wilson(p: float, size: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a fraction p of `size` independent samples."""
    z = normal_quantile((1 + LEVEL) / 2)
    center = (p + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(p * (1 - p) / size + z * z / (4 * size * size))
    return max(0.0, min(center - half, p)), min(1.0, max(center + half, p))


def sign_flip(difference: np.ndarray) -> float:
    """Exact two-sided p-value of a sum under random signs of the samples' differences (N,), counts.

    All 2^N signs are weighed at once: the sum's distribution is the product of the samples' own in
    the Fourier domain. (scipy's permutation test draws signs, and takes seconds for 10,000 samples.)
    """
    sizes, counts = np.unique(np.abs(difference[difference != 0]), return_counts=True)
    if not len(sizes):
        return 1.0
    total = int(sizes @ counts)
    positive = np.arange(total + 1)  # the part of the total whose sign is positive
    angles = 2 * np.pi * (np.outer(positive, sizes) % (total + 1)) / (total + 1)
    spectrum = np.prod(((1 + np.exp(1j * angles)) / 2) ** counts, axis=1)
    chances = np.fft.fft(spectrum).real / (total + 1)
    extreme = np.abs(2 * positive - total) >= abs(int(difference.sum()))
    return min(1.0, max(0.0, float(chances[extreme].sum())))


def paired_counts(differences: np.ndarray, answers: int) -> PairedTest:
    """The paired test of differences in right answers, (N,) counts, of samples with so many answers each:
    the mean of a sample's share with Student's interval, and the p-value of `sign_flip`.
    """
    shares = differences / answers
    mean, count = float(shares.mean()), len(shares)
    error = float(shares.std(ddof=1)) / math.sqrt(count)
    half_width = student_quantile((1 + LEVEL) / 2, count - 1) * error
    return PairedTest(mean, mean - half_width, mean + half_width, sign_flip(differences))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values of several tests after Holm's correction, in the order of `p_values`."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
