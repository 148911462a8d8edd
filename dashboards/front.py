"""The figure of a sweep: its points, the paper's point and the baselines, against what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards._labels import Mark, label
from dashboards.axes import draw_level, legend_below, new_figure, set_logarithmic, set_titles
from dashboards.colors import INK, TRIAL, style_of
from dashboards.pareto import Reference, front
from dashboards.points import ReportedPoint
from dashboards.scales import bars, limits_with_levels, padded_limits
from trainables.scoring.cost_metrics import BY_NFE, CostMetric
from trainables.scoring.metric_names import ACCURACY, NFE, Metric

FAINT = 0.35
"""Opacity of a point that another of its strategy beats on test samples."""

FRONT = "front, test"
"""The label of the line that joins the strategy's own points that are undominated on test samples."""

_SPACING = 0.009  # of the axis, between points of equal calls
_SIZES = {"front": 5.5, "paper": 12.0, "baseline": 5.5}


@dataclass(frozen=True)
class FigureLayers:
    """Points that were measured on test samples, by how they are drawn.

    Args:
        undominated: the strategy's own points that none of its points beats, by rising cost.
        dominated: the strategy's other points.
        baselines: the baselines' points that call a denoiser.
        levels: the points without cost, and the baselines that call no denoiser.
    """

    undominated: tuple[ReportedPoint, ...]
    dominated: tuple[ReportedPoint, ...]
    baselines: tuple[ReportedPoint, ...]
    levels: tuple[ReportedPoint, ...]

    @property
    def at_costs(self) -> tuple[ReportedPoint, ...]:
        """All points that are no levels, the undominated ones first."""
        return (*self.undominated, *self.dominated, *self.baselines)


def layers_of(points: Sequence[ReportedPoint], cost: CostMetric = BY_NFE) -> FigureLayers:
    """Sort the points that were measured on test samples by how they are drawn against a cost."""
    tested = [p for p in points if p.test]
    levels = [p for p in tested if _is_level(p, cost)]
    candidates = [p for p in tested if p.role != "baseline" and p not in levels]
    undominated = front([(p.test[ACCURACY], p.test[cost.name]) for p in candidates])
    return FigureLayers(
        tuple(candidates[i] for i in undominated),
        tuple(p for i, p in enumerate(candidates) if i not in undominated),
        tuple(p for p in tested if p.role == "baseline" and p not in levels),
        tuple(levels),
    )


def _is_level(point: ReportedPoint, cost: CostMetric) -> bool:
    """Whether a point has no place on the axis of a cost."""
    has_no_calls = point.role == "baseline" and point.test[NFE] == 0
    return has_no_calls or point.test[cost.name] == 0


def annotation(point: ReportedPoint, choices: Mapping[str, str]) -> str:
    """The text beside a point: its label, and what it was chosen as. A point of the search has its number
    alone, as the strategy stands in the title.
    """
    from_search = point.role == "front"
    name = point.label.removeprefix(f"{point.strategy} ") if from_search else point.label
    return f"{name} {choices.get(point.label, '')}".rstrip()


def front_figure(
    title: str,
    trials: Sequence[tuple[float, float]],
    points: Sequence[ReportedPoint],
    choices: Mapping[str, str],
    reference: Reference,
    hypervolume: float,
    metric: Metric,
    cost: CostMetric = BY_NFE,
) -> Figure:
    """The metric against a cost.

    Args:
        title: the figure's title.
        trials: (accuracy, cost) of all trials on the validation split; their front is drawn too, so that
            its optimism shows.
        points: drawn as measured on the test split, with 95 % intervals; those without calls are levels.
        choices: labels of the points that are ringed, and in a word why they were chosen.
        reference: the point that the hypervolume is measured from.
        hypervolume: the share of the plane that the trials' front dominates.
        metric: what the vertical axis shows.
        cost: what the horizontal axis shows.
    """
    figure, layers = new_figure(), layers_of(points, cost)
    axes = figure.add_subplot()
    limits = limits_of(trials, layers, metric)
    axes.set_ylim(*limits)
    costs = [value for _, value in trials] + [p.test[cost.name] for p in layers.at_costs]
    set_logarithmic(axes, [value for value in costs if value > 0])
    _draw_trials(axes, trials, metric, limits)
    marks = _draw_points(axes, layers, choices, metric, cost)
    for point in layers.levels:
        draw_level(axes, point.label, point.strategy, point.test, metric)
    set_titles(axes, title, cost.axis, metric.axis)
    worst = f"{metric.title} {100 * metric.of(reference.accuracy):.0f} %"
    legend_below(
        figure, axes,
        f"bars: 95 % intervals over test {metric.samples}; equal {cost.title} side by side; "
        f"hypervolume of trials {hypervolume:.3f}, from {worst} and {cost.title} "
        f"{cost.number(reference.cost)}",
    )  # fmt: skip
    ends = axes.get_xlim()
    levels = [[(x, 100 * p.test[metric.name]) for x in ends] for p in layers.levels]
    lines = [_staircase(marks[: len(layers.undominated)])] if layers.undominated else []
    label(figure, axes, marks, [*levels, *lines])
    return figure


def limits_of(
    trials: Sequence[tuple[float, float]], layers: FigureLayers, metric: Metric
) -> tuple[float, float]:
    """Limits of the vertical axis, in percent, so that the points on test samples and the trials' front are
    seen.
    """
    values, (down, up) = bars([p.test for p in layers.at_costs], metric)
    trial_front = [trials[i] for i in front(trials)]
    ends = [100 * metric.of(accuracy) for accuracy, cost in trial_front if cost > 0]
    ends += [v - d for v, d in zip(values, down, strict=True)]
    ends += [v + u for v, u in zip(values, up, strict=True)]
    levels = [100 * p.test[metric.name] for p in layers.levels]
    return limits_with_levels(padded_limits(ends or levels), levels)


def _draw_trials(
    axes: Axes,
    trials: Sequence[tuple[float, float]],
    metric: Metric,
    limits: tuple[float, float],
) -> None:
    """Draw the trials as dots, those outside of the limits as arrows at the edge, and their front."""
    places = [(cost, 100 * metric.of(accuracy)) for accuracy, cost in trials if cost > 0]
    low, high = limits
    for marker, group, edge, name in (
        ("o", [p for p in places if low <= p[1] <= high], None, "trials, validation"),
        ("v", [p for p in places if p[1] < low], low, "trials below, validation"),
        ("^", [p for p in places if p[1] > high], high, "trials above, validation"),
    ):
        if group:
            axes.scatter(
                [x for x, _ in group], [y if edge is None else edge for _, y in group], s=12,
                marker=marker, color=TRIAL, linewidths=0, label=name, clip_on=edge is None,
            )  # fmt: skip
    trial_front = [trials[i] for i in front(trials) if trials[i][1] > 0]
    if len(trial_front) > 1:
        axes.step(
            [cost for _, cost in trial_front], [100 * metric.of(accuracy) for accuracy, _ in trial_front],
            where="post", color=TRIAL, linestyle="--", linewidth=1, label="their front",
        )  # fmt: skip


def places_of(
    costs: Mapping[str, float], span: float, spacing: float = _SPACING
) -> dict[str, float]:
    """Where points of these costs are drawn, by their labels: at their costs, but points of equal cost apart
    by this share of a logarithmic axis, whose ends differ by the factor `span`.
    """
    places: dict[str, float] = {}
    for cost in set(costs.values()):
        labels = [name for name, own in costs.items() if own == cost]
        for number, name in enumerate(labels):
            places[name] = cost * span ** (spacing * (number - (len(labels) - 1) / 2))
    return places


def _draw_points(
    axes: Axes,
    layers: FigureLayers,
    choices: Mapping[str, str],
    metric: Metric,
    cost: CostMetric,
) -> list[Mark]:
    """Draw all points that are no levels, and join the undominated ones; returns their marks in the same
    order.
    """
    low, high = axes.get_xlim()
    places = places_of({p.label: p.test[cost.name] for p in layers.at_costs}, high / low)
    marks = []
    for point in layers.at_costs:
        mark = _draw(axes, point, places[point.label], metric, faint=point in layers.dominated)
        marks.append(replace(mark, text=annotation(point, choices), strong=point.label in choices))
    ringed = [mark for mark in marks if mark.strong]
    if ringed:
        axes.plot(
            [mark.x for mark in ringed], [mark.y for mark in ringed], "o", markersize=13, mfc="none",
            mec=INK, mew=1.1, zorder=4, label="chosen on validation",
        )  # fmt: skip
    if layers.undominated:
        style = style_of(layers.undominated[0].strategy)
        line = _staircase(marks[: len(layers.undominated)])
        axes.plot(*zip(*line, strict=True), color=style.color, linewidth=1.2, zorder=2, label=FRONT)
        if layers.dominated:
            axes.plot([], [], style.marker, color=style.color, alpha=FAINT, label="beaten on test")
    return marks


def _staircase(marks: Sequence[Mark]) -> list[tuple[float, float]]:
    """The line that joins marks by rising cost: the best metric that is had for no more."""
    return staircase([(mark.x, mark.y) for mark in marks])


def staircase(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The line of level and upright pieces that joins places by the first of their two numbers."""
    corners = list(places[:1])
    for (_, level), (x, y) in pairwise(places):
        corners += [(x, level), (x, y)]
    return corners


def _draw(axes: Axes, point: ReportedPoint, place: float, metric: Metric, faint: bool) -> Mark:
    """Draw a point with its interval; returns its mark."""
    (value,), ((down,), (up,)) = bars([point.test], metric)
    style = style_of(point.strategy)
    axes.errorbar(
        place, value, yerr=[[down], [up]], color=style.color, alpha=FAINT if faint else 1.0,
        capsize=2, elinewidth=1, fmt="*" if point.role == "paper" else style.marker,
        markersize=_SIZES[point.role], mfc="white" if point.role == "baseline" else style.color,
        zorder=3,
    )  # fmt: skip
    return Mark(place, value, value - down, value + up)
