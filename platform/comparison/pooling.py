"""The points of a strategy, at one training seed as they were confirmed, at several pooled.

Every sweep finds points of its own, so at several training seeds there are no points that are the same at
each. What is the same is how one is chosen: a *procedure*, such as "the best on validation of at most ten
calls". It picks a point at every seed, always on validation samples, and the numbers of what it picked are of
test samples: the accuracy over seeds and samples, the cost a mean over seeds with an interval.

Not every strategy need have been swept at every seed. A procedure is over the seeds of its own strategy, a
paired test over those that both strategies have, and notes say where these are not all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from platform.comparison.recorded import RecordedPoint, RecordedSweep

import numpy as np

from dashboards.comparison.model import Interval
from dashboards.points import ReportedPoint
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import summary_over_seeds
from trainables.scoring.metric_names import Metric
from trainables.scoring.quantiles import student_quantile
from trainables.scoring.statistics import LEVEL

Picks = Mapping[int, RecordedPoint]
"""The point of a strategy that a procedure picked at each training seed."""

Chooser = Callable[[Sequence[ReportedPoint]], ReportedPoint | None]
"""Picks one of a strategy's points at a training seed by what they have on validation samples; None where
none fits.
"""


@dataclass(frozen=True)
class StrategyPoints:
    """What was confirmed of a strategy.

    Args:
        strategy: its name.
        swept_at: the training seeds that it was searched at; none where it only stood beside others.
        by_seed: its points at each training seed, those of its own sweep first, each label once.
    """

    strategy: str
    swept_at: tuple[int, ...]
    by_seed: Mapping[int, tuple[RecordedPoint, ...]]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The training seeds that procedures are over: those that it was searched at, or else all."""
        return self.swept_at or tuple(self.by_seed)


@dataclass(frozen=True)
class Pooled:
    """A point over its training seeds.

    Args:
        reported: its label, and its metrics on both splits; its sampling parameters where it has one seed.
        picks: the confirmed point at each seed.
        cost: on the axis that is compared, on test samples.
        names: what it is chosen as.
    """

    reported: ReportedPoint
    picks: Picks
    cost: Interval
    names: tuple[str, ...] = field(default=())

    @property
    def label(self) -> str:
        """Its name in figures, tables and sentences."""
        return self.reported.label


def key_of(picks: Picks) -> tuple[tuple[int, str], ...]:
    """What tells picks apart: the label at each seed."""
    return tuple((seed, picks[seed].reported.label) for seed in sorted(picks))


def points_of_strategies(sweeps: Sequence[RecordedSweep]) -> dict[str, StrategyPoints]:
    """The points of every strategy, in the order of their names. A strategy that was swept and is a baseline
    of others has the points of its own sweep first: of equal labels at a seed the first one is kept.
    """
    points: dict[str, dict[int, dict[str, RecordedPoint]]] = {}
    for own in (True, False):
        for sweep in sweeps:
            for point in sweep.points:
                strategy = point.reported.strategy
                if (strategy == sweep.strategy) == own:
                    at_seed = points.setdefault(strategy, {}).setdefault(sweep.seed, {})
                    at_seed.setdefault(point.reported.label, point)
    return {
        strategy: StrategyPoints(
            strategy,
            tuple(sorted({s.seed for s in sweeps if s.strategy == strategy} & set(by_seed))),
            {seed: tuple(by_seed[seed].values()) for seed in sorted(by_seed)},
        )
        for strategy, by_seed in sorted(points.items())
    }


def without_odd_answers(sweeps: Sequence[RecordedSweep]) -> list[RecordedSweep]:
    """The sweeps without the answers of points that answered other samples than most did, or at another
    number of sampling seeds: such points cannot be paired with others.
    """
    usual = {
        split: _usual(_shape(getattr(p, split)) for sweep in sweeps for p in sweep.points)
        for split in ("validation", "test")
    }
    return [
        replace(sweep, points=tuple(_without_odd(point, usual) for point in sweep.points))
        for sweep in sweeps
    ]


def _without_odd(point: RecordedPoint, usual: Mapping[str, object]) -> RecordedPoint:
    """The point, without its answers on a split where they have not the usual shape."""
    odd = {split for split in usual if _shape(getattr(point, split)) != usual[split]}
    return replace(
        point,
        validation=() if "validation" in odd else point.validation,
        test=() if "test" in odd else point.test,
    )


def _shape(answers: Sequence[Measurement]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """What answers must have in common to be paired: how many there are of how many samples, and of sentences
    how many words each has.
    """
    return tuple((len(measurement.correct), measurement.words) for measurement in answers)


def _usual(shapes: Iterable[tuple[object, ...]]) -> tuple[object, ...]:
    """The most frequent shape of all that are not empty, of equally frequent ones the first."""
    counts = Counter(shape for shape in shapes if shape)
    return counts.most_common(1)[0][0] if counts else ()


def picks_of(
    points: StrategyPoints, chooser: Chooser, seeds: Sequence[int] | None = None
) -> Picks | None:
    """What a procedure picks at each of these training seeds, `points.seeds` unless others are given; None
    where it picks nothing at one of them.
    """
    picks = {}
    for seed in points.seeds if seeds is None else seeds:
        at_seed = points.by_seed[seed]
        chosen = chooser([point.reported for point in at_seed])
        if chosen is None:
            return None
        picks[seed] = next(p for p in at_seed if p.reported.label == chosen.label)
    return picks


def pooled(
    label: str, role: str, picks: Picks, cost: str, metric: Metric, costs: Sequence[float]
) -> Pooled:
    """The point that a procedure is.

    Args:
        label: its name.
        role: "front", "paper" or "baseline".
        picks: its points, one or more.
        cost: the name of the cost metric on the axis that is compared.
        metric: what is reported of the answers.
        costs: the costs of all of the strategy's points, between which the interval of its cost is cut off.
    """
    first, *others = (picks[seed] for seed in sorted(picks))
    values = [picks[seed].reported.test[cost] for seed in sorted(picks)]
    interval = interval_over_seeds(values, min(costs), max(costs))
    if not others:
        return Pooled(replace(first.reported, label=label, role=role), picks, interval)
    validation, test = (
        _pooled_metrics([(p.reported.validation, p.validation) for p in (first, *others)], metric),
        _pooled_metrics([(p.reported.test, p.test) for p in (first, *others)], metric),
    )
    strategy = first.reported.strategy
    return Pooled(ReportedPoint(label, strategy, role, {}, validation, test), picks, interval)


def _pooled_metrics(
    seeds: Sequence[tuple[Mapping[str, float], Sequence[Measurement]]], metric: Metric
) -> dict[str, float]:
    """Metrics on a split over training seeds, each of which has its own metrics and its answers.

    All are means. The accuracies' intervals are over seeds and samples, by `summary_over_seeds`; where
    answers are not recorded at each seed they are Student's over the seeds, and never narrower than those
    over the samples at one seed are on the average.
    """
    names = [name for name in seeds[0][0] if all(name in metrics for metrics, _ in seeds)]
    means = {name: float(np.mean([metrics[name] for metrics, _ in seeds])) for name in names}
    if all(answers for _, answers in seeds):
        return means | summary_over_seeds([answers for _, answers in seeds], metric)
    for name in names:
        if f"{name}_low" in means and f"{name}_high" in means:
            over_seeds = interval_over_seeds([metrics[name] for metrics, _ in seeds], -math.inf, 1)
            means[f"{name}_low"] = min(means[f"{name}_low"], over_seeds.low)
            means[f"{name}_high"] = max(means[f"{name}_high"], over_seeds.high)
    return means


def interval_over_seeds(values: Sequence[float], least: float, most: float) -> Interval:
    """The mean of a value of each training seed, with Student's 95 % interval, cut off at the least and the
    largest value that it can have; with one seed all three are the value.
    """
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return Interval(mean, mean, mean)
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    half_width = student_quantile((1 + LEVEL) / 2, count - 1) * error
    low, high = max(least, mean - half_width), min(most, mean + half_width)
    return Interval(mean, min(low, mean), max(high, mean))
