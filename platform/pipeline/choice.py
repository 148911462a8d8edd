"""Which of a sweep's points it names, on validation samples, and how they compare with the baselines, on test
samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from platform.pipeline.objectives import USUAL_OBJECTIVES, Objectives

from dashboards.points import ReportedPoint
from dashboards.sentences import told_apart
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired
from trainables.scoring.cost_metrics import BY_NFE, CostMetric
from trainables.scoring.metric_names import ACCURACY, NFE
from trainables.scoring.statistics import PairedTest

MARGIN = 0.01
"""How much accuracy (of sentences 1 - WER) a point may lose to the best one and count as not worse."""


@dataclass(frozen=True)
class Choice:
    """Which of a sweep's points it names, and how they compare with the baselines.

    Args:
        best: of the strategy's points the most accurate on validation, of equal ones the cheapest.
        cheapest: the cheapest that is not worse: on the same validation samples it is no more than
            `MARGIN` behind `best`. The sweep names it, with the interval of that difference, which few
            samples leave wide; it is `best` itself where no cheaper point is so near.
        affordable: the most accurate on validation of those that cost at most `max_cost`, of equal ones the
            cheapest; None where none is so cheap, or no `max_cost` is given.
        max_cost: the cost that a user would pay, 0 where that was not told.
        loss: the paired test of `cheapest` against `best` on validation; None where they are one.
        baselines: the label of each baseline at its best on validation, which is the paper's point where no
            other is better.
        not_told_from: labels of the baselines' points that `cheapest` is not significantly different from,
            by paired tests on test samples.
        noisy: the corrupted signals as they are, where `best` is below them on test samples.
        tests: how many tests were corrected together.
        sufficient: the cheapest on validation of those of at least `min_accuracy`, of equal ones the most
            accurate; None where none is so good, or no `min_accuracy` is given.
        min_accuracy: the accuracy that a user wants, 0 where that was not told.
        cost: what points cost.
    """

    best: ReportedPoint
    cheapest: ReportedPoint
    affordable: ReportedPoint | None
    max_cost: float
    loss: PairedTest | None
    baselines: tuple[str, ...]
    not_told_from: tuple[str, ...]
    noisy: ReportedPoint | None
    tests: int
    sufficient: ReportedPoint | None = None
    min_accuracy: float = 0
    cost: CostMetric = BY_NFE

    @property
    def named(self) -> list[tuple[ReportedPoint, tuple[str, ...]]]:
        """The named points, each once, with all that they are, such as "cheapest" or "within N"."""
        names: dict[str, list[str]] = {}
        points = {"cheapest": self.cheapest, "best": self.best}
        if self.affordable is not None:
            points[f"within {self.max_cost:g}"] = self.affordable
        if self.sufficient is not None:
            points[f"at least {100 * self.min_accuracy:g} %"] = self.sufficient
        for name, point in points.items():
            names.setdefault(point.label, []).append(name)
        by_label = {point.label: point for point in points.values()}
        return [(by_label[label], tuple(every)) for label, every in names.items()]

    @property
    def words(self) -> dict[str, str]:
        """What the points are that the sweep names, in a word, by their labels."""
        return {
            point.label: "best" if point is self.best else names[0] for point, names in self.named
        }

    def gains(self, point: ReportedPoint) -> dict[str, Mapping[str, float]]:
        """The paired tests of a point against every baseline at its best, by the baselines' labels."""
        return {label: point.tests[label] for label in self.baselines if label in point.tests}


def choose(
    points: Sequence[ReportedPoint],
    validation: Mapping[str, Sequence[Measurement]],
    objectives: Objectives = USUAL_OBJECTIVES,
) -> Choice:
    """Choose among the points that are no baselines.

    Args:
        points: what is reported, each point measured on both splits. At least one is no baseline;
            those that are none have their paired tests against the baselines.
        validation: the measurements on validation, by the points' labels.
        objectives: what points cost, and the bounds that a user has.
    """
    cost = objectives.cost.name
    searched = [p for p in points if p.role != "baseline"]
    best = best_of(searched, cost)
    losses = {
        p.label: paired(validation[p.label], validation[best.label])
        for p in searched
        if p is not best
    }
    not_worse = [p for p in searched if p is best or is_not_worse(losses[p.label].difference)]
    cheapest = cheapest_of(not_worse, cost)
    at_best = {
        p.strategy: p.label for p in points if p.role == "baseline"
    }  # the paper's come first
    noisy = [p for p in points if p.role == "baseline" and p.strategy == "noisy"]
    max_cost, min_accuracy = objectives.max_cost, objectives.min_accuracy
    affordable = [p for p in searched if p.validation[cost] <= max_cost]
    sufficient = [p for p in searched if p.validation[ACCURACY] >= min_accuracy > 0]
    return Choice(
        best,
        cheapest,
        best_of(affordable, cost) if affordable else None,
        max_cost,
        losses.get(cheapest.label),
        tuple(at_best.values()),
        tuple(label for label, test in cheapest.tests.items() if not told_apart(test)),
        next((p for p in noisy if p.test[ACCURACY] > best.test[ACCURACY]), None),
        sum(len(p.tests) for p in searched),
        cheapest_of(sufficient, cost) if sufficient else None,
        min_accuracy,
        objectives.cost,
    )


def best_of(points: Iterable[ReportedPoint], cost: str = NFE) -> ReportedPoint:
    """The most accurate on validation, of equal ones the cheapest; `cost` is the name of a cost metric."""
    return max(points, key=lambda p: (p.validation[ACCURACY], -p.validation[cost]))


def cheapest_of(points: Iterable[ReportedPoint], cost: str = NFE) -> ReportedPoint:
    """The cheapest, of equal ones the most accurate on validation; `cost` is the name of a cost metric."""
    return min(points, key=lambda p: (p.validation[cost], -p.validation[ACCURACY]))


def is_not_worse(difference: float) -> bool:
    """Whether a point counts as not worse than another one: `difference` is its accuracy less that of the
    other one on the same validation samples.
    """
    return round(difference, 9) >= -MARGIN  # 0.89 - 0.9 is a little less than -0.01


def against(points: Iterable[ReportedPoint], named: ReportedPoint) -> list[ReportedPoint]:
    """The points for a table with one column of tests: how each baseline compares with `named`."""
    return [replace(point, tests=_test_against(point.label, named)) for point in points]


def _test_against(label: str, named: ReportedPoint) -> dict[str, dict[str, float]]:
    """The paired test of the baseline of that label against `named`, by the latter's label: the test of
    `named` against the baseline, with the signs turned. Empty where that has not been tested.
    """
    if label not in named.tests:
        return {}
    test = named.tests[label]
    turned = {"difference": -test["difference"], "low": -test["high"], "high": -test["low"]}
    return {named.label: {**test, **turned}}
