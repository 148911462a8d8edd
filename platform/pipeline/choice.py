"""Which of a sweep's points is spoken of, and what may be said of it: chosen on validation samples,
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
    """What a sweep's points come to.

    Args:
        best: of the strategy's points the most accurate on validation, of equal ones the cheapest.
        cheapest: the cheapest that is not worse: on the same validation samples it is no more than
            `MARGIN` behind `best`. The one that is spoken of, with the interval of that difference,
            which few samples leave wide; `best` itself where no cheaper one is so near.
        lost: the paired test of `cheapest` against `best` on validation; None where they are one.
        better_than, not_told_from, worse_than: baselines, by what the paired tests of `cheapest` say
            on test samples.
        noisy: the corrupted signals as they are, where `best` is below them on test samples.
        tests: how many tests were corrected together.
    """

    best: ReportedPoint
    cheapest: ReportedPoint
    lost: PairedTest | None
    better_than: tuple[str, ...]
    not_told_from: tuple[str, ...]
    worse_than: tuple[str, ...]
    noisy: ReportedPoint | None
    tests: int

    @property
    def words(self) -> dict[str, str]:
        """What the points are that are spoken of, in a word, by their labels."""
        return {self.cheapest.label: "cheapest", self.best.label: "best"}


def choose(
    points: Sequence[ReportedPoint], validation: Mapping[str, Sequence[Measurement]]
) -> Choice:
    """Choose among the points that are no baselines.

    Args:
        points: what is shown, one or more of them no baseline, each measured on both splits; those
            with their paired tests against the baselines.
        validation: what was measured on validation, by the points' labels.
    """
    ours = [p for p in points if p.role != "baseline"]
    best = max(ours, key=lambda p: (p.validation[ACCURACY], -p.validation[NFE]))
    lost = {
        p.label: paired(validation[p.label], validation[best.label]) for p in ours if p is not best
    }
    not_worse = [p for p in ours if p is best or lost[p.label].difference >= -MARGIN]
    cheapest = min(not_worse, key=lambda p: (p.validation[NFE], -p.validation[ACCURACY]))
    told = {label: _told(test) for label, test in cheapest.tests.items()}
    noisy = [p for p in points if p.role == "baseline" and p.strategy == "noisy"]
    return Choice(
        best,
        cheapest,
        lost.get(cheapest.label),
        tuple(label for label, sign in told.items() if sign > 0),
        tuple(label for label, sign in told.items() if sign == 0),
        tuple(label for label, sign in told.items() if sign < 0),
        next((p for p in noisy if p.test[ACCURACY] > best.test[ACCURACY]), None),
        sum(len(p.tests) for p in ours),
    )


def _told(test: Mapping[str, float]) -> int:
    """Whether a paired test says better (1), worse (-1) or nothing (0)."""
    if test["p_holm"] >= 1 - LEVEL:
        return 0
    return 1 if test["difference"] > 0 else -1


def headline(choice: Choice, metric: Metric) -> list[str]:
    """What was found, in sentences for people, a line each; numbers are of test samples unless a line
    says otherwise.
    """
    best, cheapest, near = choice.best, choice.cheapest, f"{100 * MARGIN:g} percentage point"
    on_validation = f"on validation {metric.samples}"
    if choice.lost is None:
        lines = [
            f"{result(best, metric)}: the best {on_validation}; every cheaper one is more than {near} "
            "behind it"
        ]
    else:
        lines = [
            f"{result(cheapest, metric)}: the cheapest within {near} of the best {on_validation}, "
            f"{_with_interval(choice.lost, metric)}",
            f"the best {on_validation}: {result(best, metric)}",
        ]
    return [*lines, *verdict(choice, metric)]


def _with_interval(test: PairedTest, metric: Metric) -> str:
    """A paired difference with its interval, in percentage points of the metric."""
    ends = sorted(metric.gain(end) for end in (test.low, test.high))
    low, high = (f"{100 * end:+.1f}" for end in ends)
    return f"{difference(asdict(test), metric)}, {LEVEL:.0%} interval {low} to {high}"


def verdict(choice: Choice, metric: Metric) -> list[str]:
    """How the point that is spoken of compares with the baselines, and whether nothing was gained."""
    sides = {
        "better than": choice.better_than,
        "not told from": choice.not_told_from,
        "worse than": choice.worse_than,
    }
    said = "; ".join(f"{side} {', '.join(labels)}" for side, labels in sides.items() if labels)
    corrected = f"paired, at {LEVEL:.0%}, Holm's correction for {choice.tests} tests"
    lines = [f"{choice.cheapest.label} on test {metric.samples}: {said} ({corrected})"]
    if choice.noisy is not None:
        test = choice.best.tests[choice.noisy.label]
        lines.append(
            f"nothing was gained: the best is behind {result(choice.noisy, metric)}, by "
            f"{difference(test, metric)}"
        )
    return lines if said else lines[1:]


def against(points: Iterable[ReportedPoint], one: ReportedPoint) -> list[ReportedPoint]:
    """The points for a table with one column of tests: how each baseline compares with `one`."""
    return [replace(p, tests=_seen_from(p.label, one)) for p in points]


def _seen_from(label: str, one: ReportedPoint) -> dict[str, dict[str, float]]:
    """The test of a point against the baseline of that label, seen from the baseline; else nothing."""
    if label not in one.tests:
        return {}
    test = one.tests[label]
    turned = {"difference": -test["difference"], "low": -test["high"], "high": -test["low"]}
    return {one.label: {**test, **turned}}
