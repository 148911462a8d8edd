"""What the axes of several figures share: how they are set up, levels in them, notes below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards.colors import INK, style_of
from dashboards.scales import bars, plain_ticks
from trainables.scoring.cost_metrics import BY_NFE
from trainables.scoring.metric_names import Metric

NFE_AXIS = BY_NFE.axis

_NOTE_WIDTH = 130  # letters of a line under a figure


def new_figure(width: float = 8.0, height: float = 5.6) -> Figure:
    """An empty figure of this width and height in inches, whose parts make room for each other."""
    return Figure(figsize=(width, height), dpi=130, layout="constrained")


def set_logarithmic(axes: Axes, places: Sequence[float]) -> None:
    """Make the horizontal axis logarithmic, around the places, with plain numbers on it."""
    low, high = (min(places), max(places)) if places else (1.0, 10.0)
    low, high = low / 1.25, high * 1.25
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    ticks = plain_ticks(low, high)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


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
