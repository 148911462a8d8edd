"""The figure of fronts that is fit for a paper, in the width of a column or of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dashboards._labels import Mark, label
from dashboards.axes import set_logarithmic
from dashboards.colors import INK, JOINT, style_of
from dashboards.comparison.model import ComparedPoint, ComparedStrategy, Comparison, Interval
from dashboards.comparison.paper import (
    LETTERS,
    LITERAL,
    LONGEST_NAME,
    ONE_COLUMN,
    TWO_COLUMNS,
    cut,
    legend_below,
    new_axes,
    write_titles,
)
from dashboards.comparison.words import has_width, limits, measured
from dashboards.front import FAINT, places_of, staircase

_HEIGHTS = {ONE_COLUMN: 3.05, TWO_COLUMNS: 3.6}  # inches
_LEGEND_COLUMNS = {ONE_COLUMN: 3, TWO_COLUMNS: 6}
_SPACING = {ONE_COLUMN: 0.016, TWO_COLUMNS: 0.01}  # of the axis, between points of equal cost
_JOINT: dict[str, Any] = {"color": JOINT, "linewidth": 5.0, "solid_capstyle": "butt"}
_SIZES = {"front": 4.2, "paper": 8.0, "baseline": 4.2}
_BEYOND = 0.07  # of the vertical axis, for words beyond the best interval
_SEED = 0.3  # opacity of the front of one training seed


def front_figure(comparison: Comparison, width: float) -> Figure:
    """Each strategy's front on test samples, with 95 % intervals on both axes where they have width.

    Args:
        comparison: what is drawn.
        width: `ONE_COLUMN` or `TWO_COLUMNS`.
    """
    with matplotlib.rc_context(LITERAL):
        figure, axes = new_axes(width, _HEIGHTS[width])
        metric = comparison.metric
        drawn = [p for p in comparison.points if p.cost.value > 0 and measured(p.test, metric)]
        places = _set_limits(axes, comparison, drawn, _SPACING[width])
        _draw_joint_front(axes, comparison, places)
        for strategy in comparison.strategies:
            _draw_strategy(axes, strategy, comparison, places)
        marks = [_mark(p, places[p.label], comparison, width) for p in drawn]
        named = [mark for point, mark in zip(drawn, marks, strict=True) if _chosen(point)]
        axes.plot([m.x for m in named], [m.y for m in named], "o", **_ring())
        write_titles(axes, comparison, comparison.cost_title, f"test {metric.axis}")
        _legend(figure, comparison, width)
        _label(figure, axes, marks, comparison, places)
    return figure


def _set_limits(
    axes: Axes, comparison: Comparison, drawn: Sequence[ComparedPoint], spacing: float
) -> dict[str, float]:
    """Set the limits of the axes, with room for words beyond the best; returns where each point is drawn."""
    low, high = limits(comparison)
    room = _BEYOND * (high - low)
    rises = comparison.metric.rises
    axes.set_ylim(low if rises else low - room, high + room if rises else high)
    ends = [end for p in drawn for end in (p.cost.low, p.cost.high) if end > 0]
    set_logarithmic(axes, ends)
    left, right = axes.get_xlim()
    places = places_of({p.label: p.cost.value for p in drawn}, right / left, spacing)
    set_logarithmic(axes, [*ends, *places.values()])
    return places


def _value(point: ComparedPoint, comparison: Comparison) -> Interval:
    """The metric on test samples, of a point that was measured there."""
    value = measured(point.test, comparison.metric)
    if value is None:
        raise ValueError(f"{point.label} has no {comparison.metric.name} on test samples")
    return value


def _line(
    points: Sequence[ComparedPoint], comparison: Comparison, places: Mapping[str, float]
) -> list[tuple[float, float]]:
    """The staircase of points by rising cost."""
    corners = [(places[p.label], _value(p, comparison).value) for p in points]
    return staircase(sorted(corners))


def _joint_line(
    axes: Axes, comparison: Comparison, places: Mapping[str, float]
) -> list[tuple[float, float]]:
    """The joint front over the whole axis; points without cost are where it begins."""
    low, high = axes.get_xlim()
    joint = [p for p in comparison.points if p.on_joint_front and p.test]
    free = [(low, _value(p, comparison).value) for p in joint if p.label not in places]
    line = _line([p for p in joint if p.label in places], comparison, places)
    line = staircase([*free, *line]) if free else line
    return [*line, (high, line[-1][1])] if line else []


def _draw_joint_front(axes: Axes, comparison: Comparison, places: Mapping[str, float]) -> None:
    line = _joint_line(axes, comparison, places)
    if line:
        axes.plot(*zip(*line, strict=True), zorder=1, **_JOINT)


def _draw_strategy(
    axes: Axes, strategy: ComparedStrategy, comparison: Comparison, places: Mapping[str, float]
) -> None:
    """Draw a strategy's front, that of each training seed, its points, and its levels."""
    color, metric = style_of(strategy.strategy).color, comparison.metric
    if len(strategy.seed_fronts) > 1:
        for front in strategy.seed_fronts.values():
            corners = staircase([(cost, 100 * metric.of(accuracy)) for cost, accuracy in front])
            if corners:
                axes.plot(*zip(*corners, strict=True), color=color, alpha=_SEED, linewidth=0.5)
    drawn = [p for p in strategy.points if p.label in places]
    front_line = _line(
        [p for p in drawn if p.on_front and p.role != "baseline"], comparison, places
    )
    if front_line:
        axes.plot(*zip(*front_line, strict=True), color=color, linewidth=1.0, zorder=2)
    for point in drawn:
        _draw_point(axes, point, places[point.label], comparison)
    for point in strategy.points:
        if point.label not in places and point.test:
            value = _value(point, comparison)
            axes.axhline(value.value, color=color, linestyle=":", linewidth=1.0, zorder=1.5)
            axes.axhspan(value.low, value.high, color=color, alpha=0.06, linewidth=0, zorder=0.5)


def _draw_point(axes: Axes, point: ComparedPoint, place: float, comparison: Comparison) -> None:
    style, value, cost = style_of(point.strategy), _value(point, comparison), point.cost
    shift = place / cost.value
    across = [[place - cost.low * shift], [cost.high * shift - place]] if has_width(cost) else None
    faint = not point.on_front and point.role != "baseline"
    axes.errorbar(
        place, value.value, yerr=[[value.value - value.low], [value.high - value.value]], xerr=across,
        color=style.color, alpha=FAINT if faint else 1.0, capsize=1.5, capthick=0.6, elinewidth=0.6,
        fmt="*" if point.role == "paper" else style.marker, markersize=_SIZES.get(point.role, 4.2),
        markerfacecolor="white" if point.role == "baseline" else style.color, markeredgewidth=0.8, zorder=3,
    )  # fmt: skip


def _chosen(point: ComparedPoint) -> bool:
    """Whether a point that was searched is named as something."""
    return bool(point.names) and point.role != "baseline"


def _ring() -> dict[str, Any]:
    return {
        "markersize": 8.5, "markerfacecolor": "none", "markeredgecolor": INK, "markeredgewidth": 0.7,
        "zorder": 4, "linestyle": "none",
    }  # fmt: skip


def _mark(point: ComparedPoint, place: float, comparison: Comparison, width: float) -> Mark:
    """A point's mark; it is labelled where it was chosen, in one column only on the joint front."""
    value = _value(point, comparison)
    told = _chosen(point) and (width > ONE_COLUMN or point.on_joint_front)
    return Mark(place, value.value, value.low, value.high, ", ".join(point.names) if told else "")


def _label(
    figure: Figure,
    axes: Axes,
    marks: Sequence[Mark],
    comparison: Comparison,
    places: Mapping[str, float],
) -> None:
    """Label the marks, beside all lines."""
    low, high = axes.get_xlim()
    levels = [
        [(low, value.value), (high, value.value)]
        for point in comparison.points
        if point.label not in places and (value := measured(point.test, comparison.metric))
    ]
    fronts = [
        _line([p for p in s.points if p.on_front and p.label in places], comparison, places)
        for s in comparison.strategies
    ]
    across = [
        [(end, _value(p, comparison).value) for end in (p.cost.low, p.cost.high)]
        for p in comparison.points
        if p.label in places and has_width(p.cost)
    ]
    lines = [*levels, *fronts, *across, _joint_line(axes, comparison, places)]
    label(figure, axes, marks, [line for line in lines if line], LETTERS)


def _legend(figure: Figure, comparison: Comparison, width: float) -> None:
    """A name for each strategy and each sign; levels are told with their values, and with an arrow
    where they lie outside.
    """
    (low, high), handles = figure.axes[0].get_ylim(), []
    for strategy in comparison.strategies:
        style, name = style_of(strategy.strategy), cut(strategy.strategy, LONGEST_NAME)
        free = [
            p for p in strategy.points if p.cost.value <= 0 and measured(p.test, comparison.metric)
        ]
        marks: dict[str, Any] = {
            "color": style.color,
            "marker": style.marker,
            "markersize": 4.2,
            "linewidth": 1.0,
        }
        if len(free) < len(strategy.points):
            face = style.color if strategy.swept else "white"
            marks["linestyle"] = "-" if strategy.swept else "none"
            handles.append(Line2D([], [], label=name, markerfacecolor=face, **marks))
        for point in free:
            value = _value(point, comparison).value
            side = " ↓" if value < low else " ↑" if value > high else ""
            text = f"{cut(point.label, LONGEST_NAME)} {value:.1f}{side}"
            handles.append(
                Line2D([], [], label=text, linestyle=":", color=style.color, linewidth=1.0)
            )
    roles = {p.role for p in comparison.points}
    if any(p.on_joint_front for p in comparison.points):
        handles.append(Line2D([], [], label="joint front", **_JOINT))
    if any(_chosen(p) for p in comparison.points):
        ring = {**_ring(), "markersize": 6.5, "marker": "o"}
        handles.append(Line2D([], [], label="named point", **ring))
    if "paper" in roles:
        paper: dict[str, Any] = {
            "marker": "*",
            "markersize": 6.5,
            "linestyle": "none",
            "color": INK,
        }
        handles.append(Line2D([], [], label="the paper's", **paper))
    legend_below(figure, handles, _LEGEND_COLUMNS[width])
