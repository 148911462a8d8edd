"""A heat map: a metric with its interval in every cell, and the cells that stand out framed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dashboards.axes import new_figure
from dashboards.colors import INK
from dashboards.points import percent
from trainables.scoring.metric_names import Metric

_COLOR_MAP = "cividis"  # of the same lightness order with any kind of colour blindness
_CELL = (1.25, 0.42)  # inches
_DARK = 0.55  # of the colours' range, below which words are white

Place = tuple[int, int]
"""Row and column of a cell."""


def heat_map(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[Place, Mapping[str, float]],
    metric: Metric,
    framed: Collection[Place],
    note: str,
) -> Figure:
    """The metric in percent by colour and in words, with its 95 % interval; a place without a cell is blank.

    Args:
        title: above the map.
        rows, columns: their names.
        cells: metrics by their places.
        metric: what is shown of them.
        framed: places that stand out.
        note: what a frame and an interval are, under the map.
    """
    values = np.full((len(rows), len(columns)), np.nan)
    for place, metrics in cells.items():
        values[place] = 100 * metrics[metric.name]
    width, height = (size * count for size, count in zip(_CELL, values.T.shape, strict=True))
    figure = new_figure(width + 3.2, height + 1.6)
    axes = figure.add_subplot()
    image = axes.imshow(values, cmap=_COLOR_MAP, aspect="auto")
    low, high = image.get_clim()
    for (row, column), metrics in cells.items():
        lightness = (values[row, column] - low) / (high - low) if high > low else 1.0
        color = "white" if lightness < _DARK else "black"
        text = percent(metrics, metric).replace(" ", "\n", 1)
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=color)
    for row, column in framed:
        corner = column - 0.5, row - 0.5
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="#d55e00", linewidth=2))
    axes.set_xticks(range(len(columns)), columns, rotation=20, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set_title(title, loc="left", fontsize=11)
    figure.colorbar(image, ax=axes, fraction=0.04, label=metric.axis)
    figure.supxlabel(note, fontsize=7, color=INK)
    return figure
