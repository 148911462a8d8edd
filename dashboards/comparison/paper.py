"""What figures fit for a paper share: widths, the size of letters, titles, legends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dashboards.comparison.model import Comparison
from dashboards.comparison.words import condition

ONE_COLUMN, TWO_COLUMNS = 3.3, 6.9
"""Widths of figures, in inches."""

LETTERS = 7.0
"""The size of the smallest letters, in points."""

DPI = 300

LONGEST_TITLE, LONGEST_NAME = 44, 20
"""Letters of what is written in one column."""

LITERAL: Any = {"text.parse_math": False, "font.size": LETTERS}
"""Options of matplotlib by which names are written as they are, and no formula is read out of them."""


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure of this width and height in inches, with its axes."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def title_of(comparison: Comparison) -> str:
    """What is compared, as short as a column is wide."""
    return cut(f"{comparison.setting.title}, {condition(comparison.setting)}", LONGEST_TITLE)


def cut(text: str, longest: int) -> str:
    """The text, with its end left out where it is longer than so many letters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def write_titles(axes: Axes, comparison: Comparison, below: str, beside: str) -> None:
    """Write the titles of the axes, and draw a faint grid."""
    axes.set_title(title_of(comparison), loc="left", fontsize=LETTERS + 1)
    axes.set_xlabel(below, fontsize=LETTERS)
    axes.set_ylabel(beside, fontsize=LETTERS)
    axes.tick_params(labelsize=LETTERS, length=2.5, width=0.6)
    axes.grid(alpha=0.25, linewidth=0.5)
    axes.set_axisbelow(True)


def legend_below(figure: Figure, handles: Sequence[Line2D], columns: int) -> None:
    """Draw the handles as the legend under the axes, in so many columns."""
    if handles:
        figure.legend(
            handles=handles, loc="outside lower center", ncols=columns, fontsize=LETTERS, frameon=False,
            handlelength=1.6, columnspacing=1.0, handletextpad=0.5, labelspacing=0.3, borderpad=0.1,
        )  # fmt: skip
