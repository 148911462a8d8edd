"""What the axes of several figures share: numbers on them, limits, levels, intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards.colors import INK, style_of
from trainables.scoring.cost_metrics import BY_NFE
from trainables.scoring.metric_names import Metric

_FEWEST_TICKS = 3
_TICKS = ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), tuple(n / 10 for n in range(10, 100)))
NFE_AXIS = BY_NFE.axis

_LEAST_SPAN = 2.0  # percent that the vertical axis shows at least
_NOTE_WIDTH = 130  # letters of a line under a figure
_MARGIN = 0.06  # of the span, above and below


def new_figure(width: float = 8.0, height: float = 5.6) -> Figure:
    """An empty figure of this width and height in inches, whose parts make room for each other."""
    return Figure(figsize=(width, height), dpi=130, layout="constrained")


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


def set_logarithmic(axes: Axes, places: Sequence[float]) -> None:
    """Make the horizontal axis logarithmic, around the places, with plain numbers on it."""
    low, high = (min(places), max(places)) if places else (1.0, 10.0)
    low, high = low / 1.25, high * 1.25
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = plain_ticks(low, high)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


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


def set_titles(axes: Axes, title: str, xlabel: str, ylabel: str) -> None:
    """Write the titles of the axes, and draw a faint grid."""
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.grid(alpha=0.2)


def draw_level(
    axes: Axes, name: str, strategy: str, metrics: Mapping[str, float], metric: Metric
) -> None:
    """Draw a point without calls: a dotted line over the whole width with its 95 % interval, named at the
    right edge. Where it lies outside of the axis's limits, the edge says its number and where it is.
    """
    (value,), ((down,), (up,)) = bars([metrics], metric)
    low, high = axes.get_ylim()
    color = style_of(strategy).color
    if low <= value <= high:
        axes.axhline(value, color=color, linestyle=":", linewidth=1.2, zorder=1)
        axes.axhspan(max(low, value - down), min(high, value + up), color=color, alpha=0.06, lw=0)
        place, text = value, name
    else:
        below = value < low
        place = low if below else high
        text = f"{name}\n{value:.1f} {'↓' if below else '↑'}"
    align = "center" if low < place < high else "bottom" if place == low else "top"
    axes.annotate(
        text, (1.01, place), xycoords=("axes fraction", "data"), fontsize=8, color=INK, va=align,
        annotation_clip=False,
    )  # fmt: skip


def legend_below(figure: Figure, axes: Axes, note: str) -> None:
    """Draw the legend under the axes, off the data, headed by a note."""
    handles, labels = axes.get_legend_handles_labels()
    legend = figure.legend(
        handles, labels, loc="outside lower center", ncols=5, fontsize=8, frameon=False,
        title=fill(note, _NOTE_WIDTH), title_fontsize=7, markerscale=0.75,
    )  # fmt: skip
    legend.get_title().set_color("#555555")
    legend.get_title().set_multialignment("center")
