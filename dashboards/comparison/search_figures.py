"""Figures of what a comparison's searches found: the growth of hypervolumes, and which parameters matter."""

from __future__ import annotations

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dashboards.colors import INK, style_of
from dashboards.comparison.model import ComparedStrategy, Comparison
from dashboards.comparison.paper import (
    DPI,
    LETTERS,
    LITERAL,
    LONGEST_NAME,
    LONGEST_TITLE,
    ONE_COLUMN,
    cut,
    legend_below,
    new_axes,
    title_of,
    write_titles,
)

_BAR, _ROW = 0.62, 0.17  # height of a bar as a share of its row, and of a row in inches


def growth_figure(comparison: Comparison) -> Figure:
    """The hypervolume of each strategy over trials, a line for each training seed, in one column."""
    with matplotlib.rc_context(LITERAL):
        figure, axes = new_axes(ONE_COLUMN, 2.3)
        handles = []
        for strategy in comparison.strategies:
            color = style_of(strategy.strategy).color
            for values in strategy.growth.values():
                places = range(1, len(values) + 1)
                axes.plot(
                    places, values, color=color, linewidth=1.0, alpha=0.85, drawstyle="steps-post"
                )
            if strategy.growth:
                name = cut(strategy.strategy, LONGEST_NAME)
                handles.append(Line2D([], [], color=color, linewidth=1.1, label=name))
        write_titles(axes, comparison, "trials", "hypervolume, validation")
        axes.set_xlim(left=0)
        legend_below(figure, handles, 3)
    return figure


def importance_figure(comparison: Comparison) -> Figure:
    """How much each sampling parameter matters, a panel a strategy, in one column."""
    shown = [strategy for strategy in comparison.strategies if strategy.importance]
    counts = [len(strategy.importance) for strategy in shown]
    with matplotlib.rc_context(LITERAL):
        height = _ROW * sum(counts) + 0.24 * len(shown) + 0.55
        figure = Figure(figsize=(ONE_COLUMN, height), dpi=DPI, layout="constrained")
        grid = figure.subplots(
            len(shown), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": counts}
        )
        for axes, strategy in zip(grid[:, 0], shown, strict=True):
            _draw_importance(axes, strategy)
        last = grid[-1, 0]
        last.set_xlabel("importance for accuracy", fontsize=LETTERS)
        last.set_xlim(0, 1)
        figure.suptitle(title_of(comparison), fontsize=LETTERS + 1, x=0.01, ha="left")
    return figure


def _draw_importance(axes: Axes, strategy: ComparedStrategy) -> None:
    names, values = list(strategy.importance), list(strategy.importance.values())
    axes.barh(range(len(names)), values, height=_BAR, color=style_of(strategy.strategy).color)
    for row, value in enumerate(values):
        axes.annotate(
            f"{value:.2f}", (value, row), xytext=(2, 0), textcoords="offset points", va="center",
            fontsize=LETTERS, color=INK,
        )  # fmt: skip
    axes.set_yticks(
        range(len(names)), [cut(name, LONGEST_NAME) for name in names], fontsize=LETTERS
    )
    axes.set_ylim(len(names) - 0.5, -0.5)
    title = cut(strategy.strategy, LONGEST_TITLE)
    axes.set_title(title, loc="left", fontsize=LETTERS, fontweight="bold", pad=2)
    axes.tick_params(labelsize=LETTERS, length=2, width=0.6)
    axes.spines[["top", "right"]].set_visible(False)
