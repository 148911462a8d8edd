"""Exponents of a power law, y ~ x_1^a_1 x_2^a_2 …, fitted to measured points, with intervals.

The fit is one of least squares to the logarithms. Points belong to groups, each of which has a factor of its
own: exponents are then those within groups. They also belong to clusters, such as the seeds of trainings:
points of one cluster are not independent of each other, so that each cluster is fitted alone, and the
interval is Student's over the clusters' exponents.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainables.core.errors import UsageError
from trainables.scoring.quantiles import student_quantile
from trainables.scoring.statistics import LEVEL


@dataclass(frozen=True)
class Exponent:
    """A fitted exponent with its 95 % interval, which is infinite for a single cluster."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LawPoint:
    """A measured point: the factors x by their names and y, all above 0; its group and its cluster."""

    factors: Mapping[str, float]
    y: float
    group: Hashable
    cluster: Hashable


def exponents(points: Sequence[LawPoint]) -> dict[str, Exponent]:
    """The exponents by the names of the factors, which all points have.

    Raises:
        UsageError: there is no point, a number is not above 0, or within a cluster the points do not
            determine the exponents.
    """
    if not points:
        raise UsageError("no points are given: an exponent needs two or more")
    names = list(points[0].factors)
    for point in points:
        if min(point.y, *point.factors.values()) <= 0:
            raise UsageError(f"a power law is of numbers above 0, but a point is {point}")
    clusters = list(dict.fromkeys(point.cluster for point in points))
    slopes = np.array(
        [_slopes([p for p in points if p.cluster == cluster], names) for cluster in clusters]
    )
    return {name: _exponent(slopes[:, column]) for column, name in enumerate(names)}


def _slopes(points: Sequence[LawPoint], names: Sequence[str]) -> np.ndarray:
    """The exponents of one cluster, in the order of the names, (P,)."""
    groups = list(dict.fromkeys(point.group for point in points))
    y = np.log([point.y for point in points])
    x = np.log([[point.factors[name] for name in names] for point in points])
    for group in groups:
        rows = np.array([point.group == group for point in points])
        y[rows] -= y[rows].mean()
        x[rows] -= x[rows].mean(axis=0)
    # What is left of a factor that does not vary is rounding.
    if np.linalg.matrix_rank(x, tol=1e-9 * math.sqrt(len(points))) < len(names):
        raise UsageError(
            f"points do not determine the exponents of {', '.join(names)}: they need as many as vary "
            "apart within groups"
        )
    solution: np.ndarray = np.linalg.lstsq(x, y, rcond=None)[0]
    return solution


def _exponent(slopes: np.ndarray) -> Exponent:
    """The mean of the clusters' exponents with Student's interval."""
    mean, count = float(slopes.mean()), len(slopes)
    if count < 2:
        return Exponent(mean, -math.inf, math.inf)
    quantile = student_quantile((1 + LEVEL) / 2, count - 1)
    half = quantile * float(slopes.std(ddof=1)) / math.sqrt(count)
    return Exponent(mean, mean - half, mean + half)
