"""Which points of all strategies are named, what is as good as what, and paired tests between strategies:
chosen on validation samples, tested on test samples, all of a comparison corrected together by Holm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from platform.comparison.pooling import Pooled, StrategyPoints, key_of, picks_of
from platform.comparison.procedures import Axis
from platform.pipeline.choice import best_of, cheapest_of, is_not_worse
from platform.planning.setup import BASELINES

import numpy as np

from dashboards.comparison.model import ComparedPair
from trainables.evaluation.summary import paired_over_seeds
from trainables.scoring.metric_names import ACCURACY
from trainables.scoring.statistics import PairedTest, holm

THE_BEST = "the best"
"""What the best point of all strategies that were swept is called in `ComparedStrategy.as_good`."""

AS_GOOD_AS = ("enhanced", "retrained")
"""The baselines whose best point others may be as good as."""


@dataclass(frozen=True)
class Field:
    """All strategies that are compared: what was confirmed of each, and the points that are shown of it."""

    confirmed: Mapping[str, StrategyPoints]
    shown: Mapping[str, Sequence[Pooled]]

    @property
    def swept(self) -> list[str]:
        """The strategies that were searched."""
        return [name for name, points in self.confirmed.items() if points.swept_at]

    def best(self, strategy: str) -> Pooled:
        """The best point of a strategy on validation samples."""
        return next(point for point in self.shown[strategy] if "best" in point.names)

    def within(self, strategy: str, budget: float, axis: Axis) -> Pooled | None:
        """The best point of a strategy within a budget; None where it has none."""
        picks = picks_of(self.confirmed[strategy], axis.within(budget))
        if picks is None:
            return None
        key = key_of(picks)
        return next((p for p in self.shown[strategy] if key_of(p.picks) == key), None)


@dataclass(frozen=True)
class Named:
    """The points of all strategies that were swept which a comparison names.

    Args:
        cheapest: the cheapest that is not worse than the best.
        best: the best on validation samples.
        affordable: the best within the budget that a user named; None without one, or where none is so cheap.
        loss: the paired test of the cheapest against the best on validation samples; None where they are one,
            or answers are not recorded.
        baselines: each of the baselines that is there, at its best on validation samples.
    """

    cheapest: Pooled
    best: Pooled
    affordable: Pooled | None
    loss: PairedTest | None
    baselines: tuple[Pooled, ...]

    @property
    def points(self) -> list[Pooled]:
        """The named points, each once."""
        every = [self.cheapest, self.best, *([self.affordable] if self.affordable else [])]
        return list({point.label: point for point in every}.values())


def difference_on_validation(first: Pooled, second: Pooled) -> float | None:
    """The accuracy of the first less that of the second on validation samples, a mean over the training seeds
    that both have; None where there is none. The samples are the same, so it is that of a paired test.
    """
    seeds = [seed for seed in first.picks if seed in second.picks]
    differences = [
        first.picks[seed].reported.validation[ACCURACY]
        - second.picks[seed].reported.validation[ACCURACY]
        for seed in seeds
    ]
    return float(np.mean(differences)) if differences else None


def cheapest_as_good(points: Iterable[Pooled], other: Pooled, axis: Axis) -> Pooled | None:
    """The cheapest of the points that are not worse than another one; None where all are worse."""
    near = {}
    for point in points:
        difference = difference_on_validation(point, other)
        if difference is not None and is_not_worse(difference):
            near[point.label] = point
    return near[cheapest_of((p.reported for p in near.values()), axis.cost).label] if near else None


def named(field: Field, axis: Axis) -> Named:
    """The points that a comparison names. At least one strategy was swept."""
    everything = [point for name in field.swept for point in field.shown[name]]
    best = _best([field.best(name) for name in field.swept], axis)
    cheapest = cheapest_as_good(everything, best, axis) or best
    within = [field.within(name, axis.max_cost, axis) for name in field.swept]
    affordable = [point for point in within if point is not None] if axis.max_cost > 0 else []
    return Named(
        cheapest,
        best,
        _best(affordable, axis) if affordable else None,
        None if cheapest is best else paired(cheapest, best, "validation"),
        tuple(field.best(name) for name in BASELINES if name in field.shown),
    )


def _best(points: Sequence[Pooled], axis: Axis) -> Pooled:
    """The best of points of several strategies on validation samples."""
    by_label = {point.label: point for point in points}
    return by_label[best_of((point.reported for point in points), axis.cost).label]


def as_good(field: Field, axis: Axis, best: Pooled) -> dict[str, dict[str, str | None]]:
    """For each strategy the labels of its cheapest points that are not worse than the baselines `AS_GOOD_AS`
    at their best, where they were measured, and than the best of all; None where it has no such point.
    """
    others = {name: field.best(name) for name in AS_GOOD_AS if name in field.shown}
    others[THE_BEST] = best
    found: dict[str, dict[str, str | None]] = {}
    for name, points in field.shown.items():
        cheapest = {what: cheapest_as_good(points, other, axis) for what, other in others.items()}
        found[name] = {what: None if p is None else p.label for what, p in cheapest.items()}
    return found


def paired(first: Pooled, second: Pooled, split: str = "test") -> PairedTest | None:
    """The paired test of two points over the training seeds at which both have answers on a split; None where
    there is no such seed.
    """
    groups = [
        (getattr(first.picks[seed], split), getattr(second.picks[seed], split))
        for seed in first.picks
        if seed in second.picks
    ]
    groups = [(ours, theirs) for ours, theirs in groups if ours and theirs]
    if not groups:
        return None
    return paired_over_seeds([ours for ours, _ in groups], [theirs for _, theirs in groups])


def pairs_within(field: Field, axis: Axis, budget: float) -> list[tuple[Pooled, Pooled]]:
    """The pairs of strategies at the best that each has within a budget, where at least one of the two was
    swept: that one first, and otherwise in the order of their names.
    """
    order = sorted(field.confirmed, key=lambda name: (name not in field.swept, name))
    within = {name: field.within(name, budget, axis) for name in order}
    pairs = [
        (within[one], within[other]) for one, other in combinations(order, 2) if one in field.swept
    ]
    return [(one, other) for one, other in pairs if one is not None and other is not None]


def tests(
    field: Field, axis: Axis, names: Named, budgets: Sequence[float]
) -> tuple[ComparedPair, ...]:
    """Paired tests at matched cost, and of the named points against the baselines at their best; the same two
    points once, under the least of the budgets. Those that lack answers are left out.
    """
    wanted: dict[frozenset[str], tuple[Pooled, Pooled, float | None]] = {}
    for budget in budgets:
        for one, other in pairs_within(field, axis, budget):
            wanted.setdefault(frozenset((one.label, other.label)), (one, other, budget))
    for point in names.points:
        for other in names.baselines:
            if other.reported.strategy != point.reported.strategy:
                wanted.setdefault(frozenset((point.label, other.label)), (point, other, None))
    done = [(*pair, paired(pair[0], pair[1])) for pair in wanted.values()]
    made = [(one, other, budget, test) for one, other, budget, test in done if test is not None]
    corrected = holm([test.p_value for *_, test in made])
    return tuple(
        ComparedPair(
            one.label,
            other.label,
            budget,
            test.difference,
            test.low,
            test.high,
            test.p_value,
            p_holm,
        )
        for (one, other, budget, test), p_holm in zip(made, corrected, strict=True)
    )
