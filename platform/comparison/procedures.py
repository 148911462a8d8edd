"""How points are chosen, at one training seed and at several: the same words mean the same everywhere, see
`platform.pipeline.choice`. All choices are made on validation samples alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from platform.comparison.pooling import Chooser, Pooled, StrategyPoints, key_of, picks_of, pooled
from platform.pipeline.choice import best_of, cheapest_of, is_not_worse

import numpy as np

from dashboards.pareto import front, knee
from dashboards.points import ReportedPoint
from trainables.scoring.metric_names import ACCURACY, Metric

FRONT_BUDGETS = 8
"""How many budgets there are at most along a front that is pooled over training seeds."""

TEST_BUDGETS = 3
"""How many of these strategies are tested at: more tests need larger differences, as all are corrected."""


@dataclass(frozen=True)
class Axis:
    """What is compared.

    Args:
        cost: the name of the cost metric.
        metric: what is reported of the answers.
        max_cost: the most that a user would pay, in the units of `cost`; 0 where that was not told.
    """

    cost: str
    metric: Metric
    max_cost: float = 0

    def best(self, points: Sequence[ReportedPoint]) -> ReportedPoint | None:
        """The best on validation; None of no points."""
        return best_of(points, self.cost) if points else None

    def cheapest(self, points: Sequence[ReportedPoint]) -> ReportedPoint | None:
        """The cheapest that is not worse than the best."""
        best = self.best(points)
        return None if best is None else self.not_worse_than(best.validation[ACCURACY])(points)

    def not_worse_than(self, accuracy: float) -> Chooser:
        """Picks the cheapest that is not worse than a point which has that accuracy on validation."""

        def choose(points: Sequence[ReportedPoint]) -> ReportedPoint | None:
            near = [p for p in points if is_not_worse(p.validation[ACCURACY] - accuracy)]
            return cheapest_of(near, self.cost) if near else None

        return choose

    def within(self, budget: float) -> Chooser:
        """Picks the best of those that cost no more."""
        return lambda points: self.best([p for p in points if p.validation[self.cost] <= budget])

    def knee(self, points: Sequence[ReportedPoint]) -> ReportedPoint | None:
        """The knee of the front on validation."""
        places = [(p.validation[ACCURACY], p.validation[self.cost]) for p in points]
        positive = [cost for _, cost in places if cost > 0]
        index = knee(places, min(positive)) if positive else None
        return None if index is None else points[index]


def budgets(points: Iterable[StrategyPoints], axis: Axis, limit: int) -> list[float]:
    """Costs at which the best point of a swept strategy within them changes, at some training seed: rising,
    no more than `limit`, the largest of all among them, and `max_cost` where it was told.

    They are rounded up to three digits, so that the words for them are true.
    """
    costs = set()
    for strategy in points:
        for seed in strategy.swept_at:
            places = [p.reported.validation for p in strategy.by_seed[seed]]
            line = front([(place[ACCURACY], place[axis.cost]) for place in places])
            costs |= {rounded_up(places[i][axis.cost]) for i in line if places[i][axis.cost] > 0}
    values = thinned(sorted(costs), limit)
    return sorted({*values, *([axis.max_cost] if axis.max_cost > 0 else [])})


def thinned(values: Sequence[float], limit: int) -> list[float]:
    """No more than `limit` of some values, evenly spaced in their order, the last among them."""
    if len(values) <= limit:
        return list(values)
    places = np.linspace(len(values) - 1, 0, limit + 1)[:limit]
    return [values[round(place)] for place in reversed(places.tolist())]


def rounded_up(cost: float) -> float:
    """A positive cost, rounded up to three digits."""
    scale = 10.0 ** (math.floor(math.log10(cost)) - 2)
    return float(f"{math.ceil(round(cost / scale, 6)) * scale:.10g}")


def pooled_points(points: StrategyPoints, axis: Axis, along: Sequence[float]) -> list[Pooled]:
    """The points of a strategy that are shown, by rising cost, each with what it is chosen as.

    At one training seed they are those that were confirmed. At several they are procedures; those that pick
    the same at every seed are one. `along` are the budgets of its front.
    """
    several = len(points.seeds) > 1
    candidates = _procedures(points, axis, along) if several else _confirmed(points, axis)
    shown = {key_of(candidate.picks): candidate for candidate in reversed(candidates)}
    for name, chooser in _names(points, axis).items():
        picks = picks_of(points, chooser)
        key = None if picks is None else key_of(picks)
        if key in shown:
            shown[key] = replace(shown[key], names=(*shown[key].names, name))
    return sorted(shown.values(), key=lambda p: (p.cost.value, p.label))


def _names(points: StrategyPoints, axis: Axis) -> dict[str, Chooser]:
    """What a strategy's points are chosen as; of one that was not swept the best alone has a name."""
    if not points.swept_at:
        return {"best": axis.best}
    within = {f"within {axis.max_cost:g}": axis.within(axis.max_cost)} if axis.max_cost > 0 else {}
    return {"cheapest": axis.cheapest, "best": axis.best, **within, "knee": axis.knee}


def _confirmed(points: StrategyPoints, axis: Axis) -> list[Pooled]:
    """The confirmed points of the one training seed that a strategy has."""
    (seed,) = points.seeds
    costs = _costs(points, axis)
    return [
        pooled(p.reported.label, p.reported.role, {seed: p}, axis.cost, axis.metric, costs)
        for p in points.by_seed[seed]
    ]


def _procedures(points: StrategyPoints, axis: Axis, along: Sequence[float]) -> list[Pooled]:
    """The procedures of a strategy; of those that pick the same the first one's name is to be kept."""
    strategy, costs = points.strategy, _costs(points, axis)
    own = "paper" if points.swept_at else "baseline"
    wanted: list[tuple[str, str, Chooser]] = [
        (f"{strategy} (paper)", own, lambda ps: _labelled(ps, f"{strategy} (paper)")),
        (strategy, own, lambda ps: _labelled(ps, strategy)),
    ]
    if points.swept_at:
        names = _names(points, axis)
        order = ["best", *(name for name in names if name != "best")]
        wanted += [(f"{strategy}, {name}", "front", names[name]) for name in order]
    else:
        wanted.append((f"{strategy} (best)", "baseline", lambda ps: axis.best(_unsearched(ps))))
    role = "front" if points.swept_at else "baseline"
    wanted += [(f"{strategy}, within {b:g}", role, axis.within(b)) for b in along]
    if points.swept_at:
        wanted.append((f"{strategy} (best)", "baseline", lambda ps: axis.best(_unsearched(ps))))
    return [
        pooled(label, role, picks, axis.cost, axis.metric, costs)
        for label, role, chooser in wanted
        for picks in [picks_of(points, chooser)]
        if picks
    ]


def _unsearched(points: Sequence[ReportedPoint]) -> list[ReportedPoint]:
    """The points that no search found."""
    return [point for point in points if point.role != "front"]


def _labelled(points: Sequence[ReportedPoint], label: str) -> ReportedPoint | None:
    """The point of that label."""
    return next((point for point in points if point.label == label), None)


def _costs(points: StrategyPoints, axis: Axis) -> list[float]:
    """The costs of all of a strategy's confirmed points."""
    return [p.reported.test[axis.cost] for group in points.by_seed.values() for p in group]
