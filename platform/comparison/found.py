"""What a comparison found, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from platform.comparison.matched import Field, Named
from platform.comparison.pooling import Pooled
from platform.comparison.procedures import Axis
from platform.pipeline.choice import MARGIN

from dashboards.comparison.model import ComparedPair
from dashboards.pareto import not_surely_dominated
from dashboards.points import p_text, percent
from dashboards.sentences import told_apart
from trainables.scoring.metric_names import ACCURACY, GFLOPS, NFE, SECONDS_PER_SAMPLE, Metric
from trainables.scoring.statistics import LEVEL, PairedTest

_FEW = 4  # strategies that were swept, of which every pair is told in words
_UNITS = {NFE: ("call", "calls"), GFLOPS: ("GFLOP", "GFLOPs"), SECONDS_PER_SAMPLE: ("s", "s")}

Pairs = Mapping[tuple[str, str], ComparedPair]
"""The tests by the labels of their two points, either way round."""


def found(
    field: Field, axis: Axis, names: Named, pairs: Sequence[ComparedPair], budgets: Sequence[float]
) -> tuple[str, ...]:
    """The sentences: the named points, what each gains on the baselines, the tests at matched cost, and what
    the p-values are corrected for.
    """
    tests = both_ways(pairs)
    lines = [*_points(axis, names), *_gains(axis, names, tests)]
    lines += matched_sentences(field, axis, tests, budgets)
    lines += dominated(field, pairs)
    if pairs:
        lines.append(
            f"All are paired tests on test {axis.metric.samples}: p is corrected for {len(pairs)} tests "
            f"(Holm), intervals are of each test alone, and where p is {1 - LEVEL:.2g} or more the two "
            "cannot be told apart."
        )
    return tuple(lines)


def both_ways(pairs: Iterable[ComparedPair]) -> dict[tuple[str, str], ComparedPair]:
    """The tests by the labels of their two points, and turned round."""
    tests = {}
    for pair in pairs:
        tests[pair.first, pair.second] = pair
        tests[pair.second, pair.first] = ComparedPair(
            pair.second, pair.first, pair.budget, -pair.difference, -pair.high, -pair.low,
            pair.p_value, pair.p_holm,
        )  # fmt: skip
    return tests


def _points(axis: Axis, names: Named) -> list[str]:
    """The named points, a sentence each, with their intervals on test samples and their costs."""
    samples, near = f"validation {axis.metric.samples}", f"{100 * MARGIN:g} percentage point"
    what = {}
    if names.cheapest is names.best:
        what[names.best.label] = [
            f"the best on {samples} of what was swept; every cheaper point is more than {near} behind it"
        ]
    else:
        loss = "" if names.loss is None else f", {_signed(names.loss, axis.metric)}"
        what[names.cheapest.label] = [f"the cheapest within {near} of the best on {samples}{loss}"]
        what[names.best.label] = [f"the best on {samples} of what was swept"]
    if names.affordable is not None:
        within = f"the best of at most {cost_text(axis.max_cost, axis.cost)}"
        what.setdefault(names.affordable.label, []).append(within)
    lines = [
        f"{_with_metric(point, axis)}: {'; '.join(what[point.label])}." for point in names.points
    ]
    if axis.max_cost > 0 and names.affordable is None:
        at_most = cost_text(axis.max_cost, axis.cost)
        lines.append(f"No confirmed point has at most {at_most}: search on, or allow more.")
    return lines


def _gains(axis: Axis, names: Named, tests: Pairs) -> list[str]:
    """What each named point gains on every baseline at its best, a sentence a point."""
    lines = []
    for point in names.points:
        against = [
            (baseline.label, tests[point.label, baseline.label])
            for baseline in names.baselines
            if (point.label, baseline.label) in tests
        ]
        if against:
            verdicts = verdict_text(against, axis.metric)
            lines.append(f"On test {axis.metric.samples}, {_name(point)} {verdicts}.")
    return lines


def matched_sentences(
    field: Field, axis: Axis, tests: Pairs, budgets: Sequence[float]
) -> list[str]:
    """How strategies compare within each budget, each pair of points once: the strategy that is the best on
    validation there with all others, then those that were swept among themselves; where these are many, only
    where they can be told apart.
    """
    lines, said = [], set()
    for budget in budgets:
        within = {name: field.within(name, budget, axis) for name in field.confirmed}
        points = [point for point in within.values() if point is not None]
        points.sort(key=lambda point: -point.reported.validation[ACCURACY])
        against: dict[str, list[tuple[str, ComparedPair]]] = {point.label: [] for point in points}
        for rank, (point, other) in enumerate(combinations(points, 2)):
            test, key = tests.get((point.label, other.label)), frozenset((point.label, other.label))
            leads = rank < len(points) - 1  # the pairs of the first come first
            if test is None or key in said or not (leads or _is_told(field, point, other, test)):
                continue
            said.add(key)
            against[point.label].append((in_words(other, axis, calls=False), test))
        at_most = cost_text(budget, axis.cost)
        lines += [
            f"At most {at_most}, {in_words(point, axis)} "
            f"{verdict_text(against[point.label], axis.metric)}."
            for point in points
            if against[point.label]
        ]
    return lines


def _is_told(field: Field, point: Pooled, other: Pooled, test: ComparedPair) -> bool:
    """Whether a test that the best strategy has no part in is told in words."""
    both_swept = all(one.reported.strategy in field.swept for one in (point, other))
    return both_swept and (len(field.swept) <= _FEW or _told(test))


def dominated(field: Field, pairs: Sequence[ComparedPair]) -> list[str]:
    """The points that others dominate with confidence, in a sentence; nothing where there are none. Only
    what was tested counts, and only where it is told apart after the correction.
    """
    shown = [point for points in field.shown.values() for point in points]
    index = {point.label: number for number, point in enumerate(shown)}
    lows = {
        (index[one], index[other]): test.low
        for (one, other), test in both_ways(pairs).items()
        if _told(test)
    }
    left = set(not_surely_dominated([point.cost.value for point in shown], lows))
    beaten = [point for number, point in enumerate(shown) if number not in left]
    if not beaten:
        return []
    names = _listed(map(_name, beaten))
    return [f"Another point is no dearer and better, beyond chance, than {names}."]


def verdict_text(against: Sequence[tuple[str, ComparedPair]], metric: Metric) -> str:
    """What tests say of a point against others, as the end of a sentence: whom it is better than and by how
    much, whom it is worse than, whom it cannot be told from.
    """
    better = [pair for pair in against if _told(pair[1]) and pair[1].difference > 0]
    worse = [pair for pair in against if _told(pair[1]) and pair[1].difference < 0]
    same = [pair for pair in against if not _told(pair[1])]
    parts = []
    if better:
        parts.append("is better than " + _listed(f"{n} {_by(t, metric)}" for n, t in better))
    if worse:
        parts.append("is worse than " + _listed(f"{n} {_by(t, metric)}" for n, t in worse))
    if same:
        texts = (f"{n} ({_signed(t, metric)}, {p_text(asdict(t))})" for n, t in same)
        parts.append("cannot be told from " + _listed(texts))
    return "; ".join(parts)


def in_words(point: Pooled, axis: Axis, calls: bool = True) -> str:
    """A point as its strategy, with what it is of it, and what it costs, in brackets."""
    strategy = point.reported.strategy
    which = point.label.removeprefix(strategy).strip(" ,()")
    words = [which] if which else []
    words += [cost_text(point.cost.value, axis.cost)] if calls or which else []
    return f"{strategy} ({', '.join(words)})" if words else strategy


def cost_text(cost: float, name: str) -> str:
    """A cost in its units."""
    one, many = _UNITS[name]
    number = f"{cost:.0f}" if name == NFE and round(cost, 6) == round(cost) else f"{cost:.3g}"
    return f"{number} {one if number == '1' else many}"


def _with_metric(point: Pooled, axis: Axis) -> str:
    """A point with its metric and its interval on test samples, and its cost, with one where it varies."""
    text = f"{axis.metric.title} {percent_text(point, axis.metric)} at "
    text += cost_text(point.cost.value, axis.cost)
    if point.cost.high > point.cost.low:
        text += f" [{point.cost.low:.3g}, {point.cost.high:.3g}]"
    return f"{_name(point)}, {text}"


def _name(point: Pooled) -> str:
    """A point's label as it stands in a sentence: as in tables, in quotes where commas would part it."""
    return f'"{point.label}"' if ", " in point.label else point.label


def percent_text(point: Pooled, metric: Metric) -> str:
    """The metric on test samples in percent, with its interval where there is one."""
    value, *interval = percent(point.reported.test, metric).split(" ", 1)
    return " ".join([f"{value} %", *interval])


def _told(pair: ComparedPair) -> bool:
    """Whether two points are told apart, after the correction."""
    return told_apart(asdict(pair))


def _by(pair: ComparedPair, metric: Metric) -> str:
    """By how much one is better or worse, without a sign."""
    low, high = (pair.low, pair.high) if pair.difference > 0 else (-pair.high, -pair.low)
    unit = "points" if metric.rises else f"points of {metric.title}"
    return (
        f"by {100 * abs(pair.difference):.1f} {unit} [{_tenths(low)}, {_tenths(high)}] "
        f"({p_text(asdict(pair))})"
    )


def _signed(test: ComparedPair | PairedTest, metric: Metric) -> str:
    """The metric's difference in percentage points with its interval; of WER less is better."""
    low, high = sorted((metric.gain(test.low), metric.gain(test.high)))
    return f"{100 * metric.gain(test.difference) + 0.0:+.1f} [{_tenths(low)}, {_tenths(high)}]"


def _tenths(share: float) -> str:
    """A share in percent to a tenth, without a minus before zero."""
    return f"{round(100 * share, 1) + 0.0:.1f}"


def _listed(texts: Iterable[str]) -> str:
    """Texts as a list in a sentence."""
    *before, last = texts
    return f"{', '.join(before)} and {last}" if before else last
