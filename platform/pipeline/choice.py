"""Which of a sweep's points it names, and how that compares: points are chosen on validation samples, and
compared with the baselines on test samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from platform.pipeline.objectives import USUAL_OBJECTIVES, Objectives

from dashboards.points import ReportedPoint, difference, result
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired
from trainables.scoring.cost_metrics import BY_NFE, CostMetric
from trainables.scoring.metric_names import ACCURACY, Metric
from trainables.scoring.statistics import LEVEL, PairedTest

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
        better_than, not_told_from, worse_than: labels of the baselines that `cheapest` is
            significantly better than, not significantly different from, and significantly worse than,
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
    better_than: tuple[str, ...]
    not_told_from: tuple[str, ...]
    worse_than: tuple[str, ...]
    noisy: ReportedPoint | None
    tests: int
    sufficient: ReportedPoint | None = None
    min_accuracy: float = 0
    cost: CostMetric = BY_NFE

    @property
    def words(self) -> dict[str, str]:
        """What the points are that the sweep names, in a word, by their labels."""
        words = {}
        if self.sufficient is not None:
            words[self.sufficient.label] = f"at least {100 * self.min_accuracy:g} %"
        if self.affordable is not None:
            words[self.affordable.label] = f"within {self.max_cost:g}"
        return words | {self.cheapest.label: "cheapest", self.best.label: "best"}


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
    cost = objectives.cost
    searched = [p for p in points if p.role != "baseline"]
    best = _best(searched, cost)
    losses = {
        p.label: paired(validation[p.label], validation[best.label])
        for p in searched
        if p is not best
    }
    not_worse = [p for p in searched if p is best or losses[p.label].difference >= -MARGIN]
    cheapest = _cheapest(not_worse, cost)
    signs = {label: _sign(test) for label, test in cheapest.tests.items()}
    noisy = [p for p in points if p.role == "baseline" and p.strategy == "noisy"]
    max_cost, min_accuracy = objectives.max_cost, objectives.min_accuracy
    affordable = [p for p in searched if p.validation[cost.name] <= max_cost]
    sufficient = [p for p in searched if p.validation[ACCURACY] >= min_accuracy > 0]
    return Choice(
        best,
        cheapest,
        _best(affordable, cost) if affordable else None,
        max_cost,
        losses.get(cheapest.label),
        tuple(label for label, sign in signs.items() if sign > 0),
        tuple(label for label, sign in signs.items() if sign == 0),
        tuple(label for label, sign in signs.items() if sign < 0),
        next((p for p in noisy if p.test[ACCURACY] > best.test[ACCURACY]), None),
        sum(len(p.tests) for p in searched),
        _cheapest(sufficient, cost) if sufficient else None,
        min_accuracy,
        cost,
    )


def _best(points: Iterable[ReportedPoint], cost: CostMetric) -> ReportedPoint:
    """The most accurate on validation, of equal ones the cheapest."""
    return max(points, key=lambda p: (p.validation[ACCURACY], -p.validation[cost.name]))


def _cheapest(points: Iterable[ReportedPoint], cost: CostMetric) -> ReportedPoint:
    """The cheapest on validation, of equal ones the most accurate."""
    return min(points, key=lambda p: (p.validation[cost.name], -p.validation[ACCURACY]))


def _sign(test: Mapping[str, float]) -> int:
    """Whether a paired test is significant for better (1), for worse (-1) or not at all (0)."""
    if test["p_holm"] >= 1 - LEVEL:
        return 0
    return 1 if test["difference"] > 0 else -1


def headline(choice: Choice, metric: Metric) -> list[str]:
    """What was found, in sentences for people, a line each; numbers are of test samples unless a line
    says otherwise.
    """
    best, cheapest, cost = choice.best, choice.cheapest, choice.cost
    near = f"{100 * MARGIN:g} percentage point"
    on_validation = f"on validation {metric.samples}"
    if choice.loss is None:
        lines = [
            f"{result(best, metric, cost)}: the best {on_validation}; every cheaper one is more than {near} "
            "behind it"
        ]
    else:
        lines = [
            f"{result(cheapest, metric, cost)}: the cheapest within {near} of the best {on_validation}, "
            f"{_with_interval(choice.loss, metric)}",
            f"the best {on_validation}: {result(best, metric, cost)}",
        ]
    return [*lines, *_within_bounds(choice, metric), *verdict(choice, metric)]


def _within_bounds(choice: Choice, metric: Metric) -> list[str]:
    """The best of the points that a user would pay for, and the cheapest of those that are good enough, where
    that was told.
    """
    lines, cost = [], choice.cost
    most = f"at most {choice.max_cost:g} {cost.unit}"
    least = f"an accuracy of at least {100 * choice.min_accuracy:g} %"
    if choice.affordable is not None:
        lines.append(f"the best of {most}: {result(choice.affordable, metric, cost)}")
    elif choice.max_cost:
        lines.append(f"no confirmed point has {most}: search on, or allow more")
    if choice.sufficient is not None:
        place = f"on validation {metric.samples}"
        point = result(choice.sufficient, metric, cost)
        lines.append(f"the cheapest that has {least} {place}: {point}")
    elif choice.min_accuracy:
        lines.append(f"no confirmed point has {least}: search on, or be content with less")
    return lines


def _with_interval(test: PairedTest, metric: Metric) -> str:
    """A paired difference with its interval, in percentage points of the metric."""
    ends = sorted(metric.gain(end) for end in (test.low, test.high))
    low, high = (f"{100 * end:+.1f}" for end in ends)
    return f"{difference(asdict(test), metric)}, {LEVEL:.0%} interval {low} to {high}"


def verdict(choice: Choice, metric: Metric) -> list[str]:
    """How the cheapest point compares with the baselines, and whether nothing was gained; a line each."""
    sides = {
        "better than": choice.better_than,
        "not told from": choice.not_told_from,
        "worse than": choice.worse_than,
    }
    comparison = "; ".join(
        f"{side} {', '.join(labels)}" for side, labels in sides.items() if labels
    )
    corrected = f"paired, at {LEVEL:.0%}, Holm's correction for {choice.tests} tests"
    lines = [f"{choice.cheapest.label} on test {metric.samples}: {comparison} ({corrected})"]
    if choice.noisy is not None:
        test = choice.best.tests[choice.noisy.label]
        lines.append(
            f"nothing was gained: the best is behind {result(choice.noisy, metric, choice.cost)}, by "
            f"{difference(test, metric)}"
        )
    return lines if comparison else lines[1:]


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
