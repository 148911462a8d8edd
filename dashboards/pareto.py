"""Pareto mathematics: fronts of accuracy (more is better, at most 1) against costs (less is better), their
hypervolume and knee, and dominance where accuracies are uncertain.

Costs count by their logarithm, since what is saved matters by what fraction it is of what is paid. With one
cost all is computed here, so that drawing a front does not load a searcher; with two costs it is Optuna's own
code.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """The point that a hypervolume is measured from. It is the same for all strategies that are compared,
    so that their fronts can be compared.

    Args:
        accuracy: the least that counts, below 1.
        cost: the largest cost that counts; of calls, where nothing else is said.
        least: the least cost that is told from less, above 0: one call, or the least that anything had.
    """

    accuracy: float
    cost: float
    least: float = 1.0

    @property
    def nfe(self) -> float:
        """The largest cost that counts, where that is calls."""
        return self.cost


_CALLS_A_STEP = {"image": 1, "speech": 2}  # E.5: speech is corrected once before every step


def shared_reference(classes: int, T: int, kind: str = "image") -> Reference:
    """The reference of a dataset for calls: chance accuracy, 0 where there are no classes but sentences, and
    the calls of 10 T steps, which the dearest of the paper's points has (alternating, D.4 and E.5).
    """
    return Reference(chance(classes), 10.0 * T * _CALLS_A_STEP[kind])


def reference_of_costs(classes: int, costs: Iterable[float]) -> Reference:
    """The reference for a cost that has no scale of its own, such as GFLOPs or seconds: chance accuracy, the
    largest and the least positive cost of all that is compared, of whatever strategy, so that it is one for
    all. Where no two costs differ there is no width, and every hypervolume is 0.
    """
    positive = [cost for cost in costs if cost > 0] or [1.0]
    return Reference(chance(classes), max(positive), min(positive))


def chance(classes: int) -> float:
    """The accuracy of guessing; 0 where there are no classes but sentences."""
    return 1 / classes if classes else 0.0


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the non-dominated (accuracy, cost) points, by rising cost; of equal points the first."""
    indices: list[int] = []
    best = -math.inf
    for index in sorted(range(len(points)), key=lambda i: (points[i][1], -points[i][0], i)):
        if points[index][0] > best:
            best = points[index][0]
            indices.append(index)
    return indices


def front_of_two_costs(points: Sequence[tuple[float, float, float]]) -> list[int]:
    """Indices of the non-dominated (accuracy, cost, other cost) points, by Optuna's `Study.best_trials`, by
    rising first cost, then falling accuracy; of equal points the first.
    """
    import optuna

    if not points:
        return []
    first = {point: index for index, point in reversed(list(enumerate(points)))}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["maximize", "minimize", "minimize"])
    study.add_trials([optuna.trial.create_trial(values=list(point)) for point in first])
    order = list(first.values())
    indices = [order[trial.number] for trial in study.best_trials]
    return sorted(indices, key=lambda i: (points[i][1], -points[i][0], points[i][2]))


def joint_front(fronts: Mapping[str, Sequence[tuple[float, float]]]) -> set[tuple[str, int]]:
    """The non-dominated of several strategies' (accuracy, cost) points together: each strategy's name with
    the index of the point among its own. Of equal points that of the first strategy is taken.
    """
    owners = [(name, index) for name, points in fronts.items() for index in range(len(points))]
    return {owners[i] for i in front([fronts[name][index] for name, index in owners])}


def hypervolume(points: Sequence[tuple[float, float]], reference: Reference) -> float:
    """The share of the plane between the reference and (accuracy 1, least cost) that a front dominates.

    In [0, 1]; the cost counts by its logarithm, and less than the least, one call, counts as that.
    """
    total, width = 0.0, math.log(reference.cost)
    span = (1 - reference.accuracy) * (width - math.log(reference.least))
    dominating = [
        (a, max(n, reference.least))
        for a, n in points
        if a > reference.accuracy and n < reference.cost
    ]
    floor = reference.accuracy
    for index in front(dominating):
        accuracy, cost = dominating[index]
        total += (accuracy - floor) * (width - math.log(cost))
        floor = accuracy
    return total / span if span > 0 else 0.0


def hypervolume_of_two_costs(
    points: Sequence[tuple[float, float, float]], reference: Reference, other: Reference
) -> float:
    """The share of the space between the references and (accuracy 1, least costs) that (accuracy, cost, other
    cost) points dominate; in [0, 1], both costs by their logarithms. The accuracy counts from that of the
    first reference.

    The volume is Optuna's `compute_hypervolume`, which it keeps in a private package: a test holds it to a
    volume by enumeration.
    """
    import numpy as np
    from optuna._hypervolume import compute_hypervolume

    limits = (reference, other)
    losses = [
        [1 - accuracy, *(_log(cost, limit) for cost, limit in zip(costs, limits, strict=True))]
        for accuracy, *costs in points
        if accuracy > reference.accuracy
        and all(cost < limit.cost for cost, limit in zip(costs, limits, strict=True))
    ]
    widths = [_log(limit.cost, limit) for limit in limits]
    worst = np.array([1 - reference.accuracy, *widths])
    if not losses or not worst.prod() > 0:
        return 0.0
    return float(compute_hypervolume(np.array(losses), worst) / worst.prod())


def growth(points: Sequence[tuple[float, float]], reference: Reference) -> list[float]:
    """The hypervolume of the first point, of the first two, and so on: of the k-th entry that of the first k
    (accuracy, cost) points. It is computed anew only where the front changes.
    """
    costs: list[float] = []  # of the front so far, rising, and the accuracies beside them rise too
    accuracies: list[float] = []
    volumes: list[float] = []
    for accuracy, cost in points:
        cheaper = bisect_right(costs, cost)
        if cheaper and accuracies[cheaper - 1] >= accuracy:
            volumes.append(volumes[-1])
            continue
        begin, end = bisect_left(costs, cost), bisect_right(accuracies, accuracy)
        costs[begin : max(begin, end)] = [cost]
        accuracies[begin : max(begin, end)] = [accuracy]
        volumes.append(hypervolume(list(zip(accuracies, costs, strict=True)), reference))
    return volumes


def knee(points: Sequence[tuple[float, float]], least: float = 1.0) -> int | None:
    """The index of a front's knee: beyond it, accuracy is bought ever more dearly.

    It is the non-dominated (accuracy, cost) point that is farthest above the line between the ends of the
    front, in the plane of the logarithm of the cost and the accuracy (the greatest distance to the chord; the
    scales of the axes do not matter). Costs below `least` count as that. None where no point is above the
    line, as on a front of one or two points, or of one cost.
    """
    indices = front(points)
    places = [(points[i][0], math.log(max(points[i][1], least))) for i in indices]
    if len(places) < 3 or places[0][1] == places[-1][1]:
        return None
    (low, begin), (high, end) = places[0], places[-1]
    slope = (high - low) / (end - begin)
    above = [accuracy - low - slope * (place - begin) for accuracy, place in places]
    farthest = max(range(len(above)), key=lambda i: above[i])
    return indices[farthest] if above[farthest] > 1e-12 else None


def surely_dominates(cost: float, other: float, low: float, epsilon: float = 0.0) -> bool:
    """Whether a point dominates another one with confidence: it is not dearer, and it is better by more than
    `epsilon` even at the lower end of the interval of the paired difference.

    With `epsilon` 0 or more no two points dominate each other, and so none itself. Below 0 it is not worse by
    more than that (non-inferiority), which two points may be to each other.

    Args:
        cost, other: the costs of the two points.
        low: the lower end of the interval of the first one's accuracy less that of the other one.
        epsilon: the margin, an accuracy.
    """
    return cost <= other and low > epsilon


def not_surely_dominated(
    costs: Sequence[float], lows: Mapping[tuple[int, int], float], epsilon: float = 0.0
) -> list[int]:
    """Indices of the points that no other one dominates with confidence, see `surely_dominates`: each may be
    the best for its cost, as far as can be told.

    Args:
        costs: of each point.
        lows: the lower end of the interval of accuracy i less accuracy j, by (i, j). Pairs that were not
            tested are left out: neither dominates the other.
        epsilon: the margin, an accuracy of 0 or more.
    """
    beaten = {
        j for (i, j), low in lows.items() if surely_dominates(costs[i], costs[j], low, epsilon)
    }
    return [index for index in range(len(costs)) if index not in beaten]


def _log(cost: float, reference: Reference) -> float:
    """How much dearer a cost is than the least, as a logarithm, 0 or more."""
    return math.log(max(cost, reference.least) / reference.least)
