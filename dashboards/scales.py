"""What figures, pages and pictures in letters share: numbers on axes, limits, intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from trainables.scoring.metric_names import Metric

_FEWEST_TICKS = 3
_TICKS = ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), tuple(n / 10 for n in range(10, 100)))
_LEAST_SPAN = 2.0  # percent that the vertical axis shows at least
_MARGIN = 0.06  # of the span, above and below


def bars(
    metrics: Sequence[Mapping[str, float]], metric: Metric
) -> tuple[list[float], list[list[float]]]:
    """The metric in percent, and how far the 95 % intervals reach down and up, 0 without one."""
    values = [m[metric.name] for m in metrics]
    down = [v - m.get(metric.low, v) for m, v in zip(metrics, values, strict=True)]
    up = [m.get(metric.high, v) - v for m, v in zip(metrics, values, strict=True)]
    return [100 * v for v in values], [[100 * d for d in down], [100 * u for u in up]]


def plain_ticks(low: float, high: float) -> list[float]:
    """Numbers for a logarithmic axis from `low` to `high`, both above 0: 1, 2, 5, 10, 20, …, and
    closer ones where fewer than three of these lie between.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in _TICKS:
        numbers = [round(step * 10.0**decade, 10) for decade in decades for step in steps]
        ticks = [tick for tick in numbers if low <= tick <= high]
        if len(ticks) >= _FEWEST_TICKS:
            return ticks
    return ticks


def padded_limits(values: Sequence[float]) -> tuple[float, float]:
    """The lowest and the highest value, in percent, with a margin, and at least 2 percent apart."""
    low, high = (min(values), max(values)) if values else (0.0, 100.0)
    widening = max(0.0, _LEAST_SPAN - (high - low)) / 2
    low, high = low - widening, high + widening
    return low - _MARGIN * (high - low), high + _MARGIN * (high - low)


def limits_with_levels(limits: tuple[float, float], levels: Sequence[float]) -> tuple[float, float]:
    """Limits widened to show those levels that lie no farther outside than half of what they span."""
    low, high = limits
    reach, margin = (high - low) / 2, _MARGIN * (high - low)
    visible = [level for level in levels if low - reach <= level <= high + reach]
    low = min([low, *(level - margin for level in visible)])
    high = max([high, *(level + margin for level in visible)])
    return low, high
