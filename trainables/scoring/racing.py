"""A race of a point against a rival on the same samples: when it is known to be behind before all are seen.

The test bets against the point: wealth grows with every sample on which the rival does better, and as long as
the point is in truth ahead over all samples, wealth is expected not to grow. By Ville's inequality it then
reaches 1 / error with a probability of at most `error`, however often one looks. Samples are seen in an order
that has nothing to do with the answers, and none twice, so that ever less is left by which the point could
come out ahead (Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, 2024:
sampling without replacement).
"""

from __future__ import annotations

import math

import numpy as np

_BETS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Shares of the largest possible bet; wealth is the mean of that of each."""


def log_wealth(leads: np.ndarray, total: int, step: float = 1.0) -> np.ndarray:
    """The logarithm of the wealth after each sample that has been seen: infinite where the point can no
    longer come out ahead.

    Args:
        leads: (..., n), by how much the rival does better than the point on each sample seen, in [-1, 1].
        total: how many samples there are in all.
        step: by how much the point must be ahead at the end to count as ahead: the least difference that one
            sample can make, 1 / the number of its answers.
    """
    seen = leads.shape[-1]
    sums = np.cumsum(leads, axis=-1) - leads  # before each sample
    # The rival's mean lead on what is left, were the point ahead by one step in the end.
    rest = (-step - sums) / (total - np.arange(seen))
    lost = np.maximum.accumulate(rest < -1 - 1e-12, axis=-1)
    largest = 1 / np.maximum(1 + rest, 1e-12)
    wealth = np.full((len(_BETS), *leads.shape), -np.inf)
    for number, bet in enumerate(_BETS):
        factors = 1 + bet * largest * (leads - rest)
        wealth[number] = np.cumsum(np.log(np.maximum(factors, 1e-300)), axis=-1)
    mean = np.logaddexp.reduce(wealth, axis=0) - math.log(len(_BETS))
    return np.where(lost, np.inf, mean)


def is_behind(leads: np.ndarray, total: int, step: float, error: float) -> bool:
    """Whether a point is behind its rival, so far as is known: of a point that is in truth ahead this is said
    with a probability of at most `error`. `leads` (n,), `total` and `step` are those of `log_wealth`.
    """
    if not len(leads):
        return False
    return bool(log_wealth(leads, total, step)[-1] >= -math.log(error))
