"""Which of a sweep's points it names, and how that compares: points are chosen on validation samples, and
compared with the baselines on test samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from dashboards.points import ReportedPoint, difference, result
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import paired
from trainables.scoring.metric_names import ACCURACY, NFE, Metric
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
        affordable: the most accurate on validation of those of at most `max_cost` calls, of equal ones the
            cheapest; None where none is so cheap, or no `max_cost` is given.
        max_cost: the calls that a user would pay, 0 where that was not told.
        loss: the paired test of `cheapest` against `best` on validation; None where they are one.
        better_than, not_told_from, worse_than: labels of the baselines that `cheapest` is
            significantly better than, not significantly different from, and significantly worse than,
            by paired tests on test samples.
        noisy: the corrupted signals as they are, where `best` is below them on test samples.
        tests: how many tests were corrected together.
    """

    best: ReportedPoint
    cheapest: ReportedPoint
    affordable: ReportedPoint | None
    max_cost: int
    loss: PairedTest | None
    better_than: tuple[str, ...]
    not_told_from: tuple[str, ...]
    worse_than: tuple[str, ...]
    noisy: ReportedPoint | None
    tests: int

    @property
    def words(self) -> dict[str, str]:
        """What the points are that the sweep names, in a word, by their labels."""
        words = (
            {} if self.affordable is None else {self.affordable.label: f"within {self.max_cost}"}
        )
        return words | {self.cheapest.label: "cheapest", self.best.label: "best"}


def choose(
    points: Sequence[ReportedPoint],
    validation: Mapping[str, Sequence[Measurement]],
    max_cost: int = 0,
) -> Choice:
    """Choose among the points that are no baselines.

    Args:
        points: what is reported, each point measured on both splits. At least one is no baseline;
            those that are none have their paired tests against the baselines.
        validation: the measurements on validation, by the points' labels.
        max_cost: the calls that a user would pay at most; 0 where that was not told.
    """
    searched = [p for p in points if p.role != "baseline"]
    best = best_of(searched)
    losses = {
        p.label: paired(validation[p.label], validation[best.label])
        for p in searched
        if p is not best
    }
    not_worse = [p for p in searched if p is best or is_not_worse(losses[p.label].difference)]
    cheapest = cheapest_of(not_worse)
    signs = {label: _sign(test) for label, test in cheapest.tests.items()}
    noisy = [p for p in points if p.role == "baseline" and p.strategy == "noisy"]
    affordable = [p for p in searched if p.validation[NFE] <= max_cost]
    return Choice(
        best,
        cheapest,
        best_of(affordable) if affordable else None,
        max_cost,
        losses.get(cheapest.label),
        tuple(label for label, sign in signs.items() if sign > 0),
        tuple(label for label, sign in signs.items() if sign == 0),
        tuple(label for label, sign in signs.items() if sign < 0),
        next((p for p in noisy if p.test[ACCURACY] > best.test[ACCURACY]), None),
        sum(len(p.tests) for p in searched),
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


def _sign(test: Mapping[str, float]) -> int:
    """Whether a paired test is significant for better (1), for worse (-1) or not at all (0)."""
    if test["p_holm"] >= 1 - LEVEL:
        return 0
    return 1 if test["difference"] > 0 else -1


def headline(choice: Choice, metric: Metric) -> list[str]:
    """What was found, in sentences for people, a line each; numbers are of test samples unless a line
    says otherwise.
    """
    best, cheapest, near = choice.best, choice.cheapest, f"{100 * MARGIN:g} percentage point"
    on_validation = f"on validation {metric.samples}"
    if choice.loss is None:
        lines = [
            f"{result(best, metric)}: the best {on_validation}; every cheaper one is more than {near} "
            "behind it"
        ]
    else:
        lines = [
            f"{result(cheapest, metric)}: the cheapest within {near} of the best {on_validation}, "
            f"{_with_interval(choice.loss, metric)}",
            f"the best {on_validation}: {result(best, metric)}",
        ]
    return [*lines, *_within_the_budget(choice, metric), *verdict(choice, metric)]


def _within_the_budget(choice: Choice, metric: Metric) -> list[str]:
    """The best of the points that a user would pay for, where that was told."""
    if not choice.max_cost:
        return []
    if choice.affordable is None:
        return [f"no confirmed point has at most {choice.max_cost} calls: search on, or allow more"]
    return [f"the best of at most {choice.max_cost} calls: {result(choice.affordable, metric)}"]


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
            f"nothing was gained: the best is behind {result(choice.noisy, metric)}, by "
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
