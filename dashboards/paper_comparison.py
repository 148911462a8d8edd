"""A figure of measured metrics beside the paper's: a panel a dataset and corruption, a place a method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards.axes import new_figure
from dashboards.colors import INK, style_of
from dashboards.scales import bars
from trainables.scoring.metric_names import Metric

_COLUMNS = 3  # panels beside each other
_ASIDE = 0.12  # of the room of a method, to the left for ours and to the right for the paper's


@dataclass(frozen=True)
class Pair:
    """A method's metrics as measured here, and as the paper reports them (None where it does not)."""

    panel: str
    method: str
    strategy: str
    ours: Mapping[str, float]
    paper: Mapping[str, float] | None


def side_by_side(title: str, pairs: Sequence[Pair], metric: Metric) -> Figure:
    """All pairs with 95 % intervals: measured metrics are filled, the paper's, where there are some,
    are open.
    """
    panels = list(dict.fromkeys(pair.panel for pair in pairs))
    methods = list(dict.fromkeys(pair.method for pair in pairs))
    columns = min(_COLUMNS, len(panels))
    lines = math.ceil(len(panels) / columns)
    width = max(4.0, 0.7 * len(methods))
    figure = new_figure(width * columns + 0.6, 3.4 * lines + 0.8)
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, panel in zip(grid[: len(panels)], panels, strict=True):
        _draw_panel(axes, panel, methods, [pair for pair in pairs if pair.panel == panel], metric)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    if any(pair.paper for pair in pairs):
        _draw_legend(figure)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    return figure


def _draw_legend(figure: Figure) -> None:
    """Say which marks are ours and which the paper's."""
    for ours, name in ((True, "measured"), (False, "paper")):
        figure.axes[0].errorbar(
            [], [], [], label=name, color=INK, capsize=2, **_mark_style(ours, INK)
        )
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", fontsize=8, frameon=False, ncols=2)


class _MarkStyle(TypedDict):
    """Options of matplotlib's `errorbar` for a mark."""

    fmt: str
    mfc: str
    markersize: int


def _mark_style(ours: bool, color: str) -> _MarkStyle:
    return {"fmt": "o" if ours else "s", "mfc": color if ours else "white", "markersize": 5}


def _draw_panel(
    axes: Axes, panel: str, methods: Sequence[str], pairs: Sequence[Pair], metric: Metric
) -> None:
    """Draw a panel: each method at its place, in its strategy's colour."""
    for pair in pairs:
        place, color = methods.index(pair.method), style_of(pair.strategy).color
        for ours, metrics in ((True, pair.ours), (False, pair.paper)):
            if metrics:
                (value,), reach = bars([metrics], metric)
                axes.errorbar(
                    place + (-_ASIDE if ours else _ASIDE), value, yerr=reach, color=color,
                    capsize=2, elinewidth=1, **_mark_style(ours, color),
                )  # fmt: skip
    axes.set_xticks(range(len(methods)), methods, rotation=30, ha="right", fontsize=8)
    axes.set_xlim(-0.5, len(methods) - 0.5)
    axes.set_title(panel, fontsize=10)
    axes.set_ylabel(metric.axis, fontsize=8)
    axes.grid(alpha=0.2)
