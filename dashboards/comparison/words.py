"""Numbers and settings of a comparison as page, figures and tables share them, in words and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dashboards.comparison.model import (
    ComparedPair,
    ComparedPoint,
    ComparedStrategy,
    Comparison,
    Interval,
    Setting,
)
from dashboards.points import percent
from dashboards.scales import limits_with_levels, padded_limits
from trainables.scoring.metric_names import NFE, Metric

_SMALLEST_P = 0.001
_WHOLE = 1e-9
_HUNDRED = 100.0

_NFE_TEXT = (
    "NFE, the number of function evaluations, counts how often a denoiser is called for one sample."
)
_FRONT_TEXT = (
    "Read a front from left to right: each step up is what more cost buys, and of two fronts the one "
    "further up and to the left is the better."
)
_ERRORS_TEXT = (
    "Read a front from left to right: each step down is what more cost buys, and of two fronts the one "
    "further down and to the left is the better."
)


def how_to_read(comparison: Comparison) -> str:
    """What the axis of cost is, and how a front is read, in two sentences."""
    cost = _NFE_TEXT if comparison.cost == NFE else f"The cost is {cost_name(comparison)}."
    return f"{cost} {_FRONT_TEXT if comparison.metric.rises else _ERRORS_TEXT}"


def condition(setting: Setting) -> str:
    """What was measured under: the corruption, and the resolution and training share where not all."""
    words = [setting.corruption]
    if setting.resolution != 1:
        words.append(f"resolution {setting.resolution:g}")
    if setting.train_fraction != 1:
        words.append(f"train fraction {setting.train_fraction:g}")
    return ", ".join(words)


def seeds_text(seeds: Iterable[int]) -> str:
    """Training seeds in words: `training seed 0`, `training seeds 0, 1, 2`."""
    numbers = [str(seed) for seed in seeds]
    return f"training seed{'s' if len(numbers) != 1 else ''} {', '.join(numbers)}"


def number(value: float) -> str:
    """A cost in few digits: whole numbers whole, others with three digits."""
    if abs(value) >= _HUNDRED or abs(value - round(value)) < _WHOLE:
        return f"{value:.0f}"
    return f"{value:.3g}"


def has_width(interval: Interval) -> bool:
    """Whether the value varies at all."""
    return interval.high > interval.low


def cost_text(cost: Interval) -> str:
    """A cost with its interval where it has width."""
    if not has_width(cost):
        return number(cost.value)
    return f"{number(cost.value)} [{number(cost.low)}, {number(cost.high)}]"


def volume_text(volume: Interval | None) -> str:
    """A hypervolume with its interval where it has width; a dash where there is none."""
    if volume is None:
        return "–"
    if not has_width(volume):
        return f"{volume.value:.3f}"
    return f"{volume.value:.3f} [{volume.low:.3f}, {volume.high:.3f}]"


def measured(values: Mapping[str, float], metric: Metric) -> Interval | None:
    """The metric of a split in percent with its interval; None where it was not measured."""
    if metric.name not in values:
        return None
    value = values[metric.name]
    low, high = values.get(metric.low, value), values.get(metric.high, value)
    return Interval(100 * value, 100 * low, 100 * high)


def point_text(point: ComparedPoint, metric: Metric) -> str:
    """A point's metric on test samples with its interval, and its cost."""
    return f"{percent(point.test, metric)} at {cost_text(point.cost)}"


def p_text(p_value: float) -> str:
    """A p-value with two digits, or that it is smaller than what is told apart."""
    return f"{p_value:.2g}" if p_value >= _SMALLEST_P else f"<{_SMALLEST_P:g}"


def gain_text(pair: ComparedPair, metric: Metric) -> str:
    """The metric's difference of a pair in percentage points, with its interval."""
    value, low, high = gain_of(pair, metric)
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def gain_of(pair: ComparedPair, metric: Metric) -> tuple[float, float, float]:
    """The metric's difference of a pair in percentage points, and its interval."""
    low, high = sorted(metric.gain(end) for end in (pair.low, pair.high))
    value = metric.gain(pair.difference)
    return 100 * value + 0.0, 100 * low + 0.0, 100 * high + 0.0  # no -0.0


def named(strategy: ComparedStrategy, name: str) -> ComparedPoint | None:
    """The strategy's point that was chosen as this; None where none was."""
    return next((point for point in strategy.points if name in point.names), None)


def cost_name(comparison: Comparison) -> str:
    """What the axis of cost is called in sentences: its title up to what is said of how it is drawn."""
    return comparison.cost_title.partition(" (")[0].partition(",")[0]


def reference_text(comparison: Comparison) -> str:
    """The reference of hypervolumes in words."""
    reference, metric = comparison.reference, comparison.metric
    worst = f"{metric.title} {100 * metric.of(reference.accuracy):.0f} %"
    return f"{worst} and {cost_name(comparison)} {number(reference.cost)}"


def heading(comparison: Comparison) -> str:
    """What is compared: dataset, condition, preset, seeds."""
    setting = comparison.setting
    return (
        f"{setting.title}, {condition(setting)} (preset {setting.preset}, "
        f"{seeds_text(comparison.seeds)})"
    )


def limits(comparison: Comparison) -> tuple[float, float]:
    """Limits of the axis of the metric, in percent: all intervals of points that cost anything are seen, and
    levels that are not far from them.
    """
    shown = [(p.cost.value > 0, measured(p.test, comparison.metric)) for p in comparison.points]
    intervals = [interval for costs, interval in shown if costs and interval]
    levels = [interval.value for costs, interval in shown if interval and not costs]
    ends = [end for interval in intervals for end in (interval.low, interval.high)]
    return limits_with_levels(padded_limits(ends or levels), levels)
