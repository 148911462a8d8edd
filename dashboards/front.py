"""The figure of a sweep: what it found, the paper's point and the baselines, against calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards._labels import Mark, label
from dashboards.axes import (
    NFE_AXIS,
    around,
    bars,
    draw_level,
    legend_below,
    logarithmic,
    new_figure,
    titled,
    with_levels,
)
from dashboards.colors import INK, TRIAL, style_of
from dashboards.pareto import Reference, front
from dashboards.points import ReportedPoint
from trainables.scoring.metric_names import ACCURACY, NFE, Metric

FAINT = 0.35
"""Opacity of a point that another of its strategy beats on test samples."""

FRONT = "front, test"
"""Of the line that joins the strategy's own points that are ahead on test samples."""

_APART = 0.009  # of the axis, between points of equal calls
_SIZES = {"front": 5.5, "paper": 12.0, "baseline": 5.5}


@dataclass(frozen=True)
class Split:
    """Points that were measured on test samples, by how they are drawn.

    Args:
        ahead: of the strategy's own, those that none of them beats, by rising NFE.
        behind: of the strategy's own, the others.
        baselines: with calls.
        levels: without calls.
    """

    ahead: tuple[ReportedPoint, ...]
    behind: tuple[ReportedPoint, ...]
    baselines: tuple[ReportedPoint, ...]
    levels: tuple[ReportedPoint, ...]

    @property
    def called(self) -> tuple[ReportedPoint, ...]:
        """All points with calls."""
        return (*self.ahead, *self.behind, *self.baselines)


def split(points: Sequence[ReportedPoint]) -> Split:
    """Sort the points that were measured on test samples by how they are drawn."""
    tested = [p for p in points if p.test]
    called = [p for p in tested if p.test[NFE] > 0]
    own = [p for p in called if p.role != "baseline"]
    ahead = front([(p.test[ACCURACY], p.test[NFE]) for p in own])
    return Split(
        tuple(own[i] for i in ahead),
        tuple(p for i, p in enumerate(own) if i not in ahead),
        tuple(p for p in called if p.role == "baseline"),
        tuple(p for p in tested if p.test[NFE] == 0),
    )


def beside(shown: ReportedPoint, chosen: Mapping[str, str]) -> str:
    """What is written beside a point: its label, of a point that was found the number alone, as the
    strategy stands in the title; and what it was chosen as.
    """
    found = shown.role == "front"
    name = shown.label.removeprefix(f"{shown.strategy} ") if found else shown.label
    return f"{name} {chosen.get(shown.label, '')}".rstrip()


def front_figure(
    title: str,
    trials: Sequence[tuple[float, float]],
    points: Sequence[ReportedPoint],
    chosen: Mapping[str, str],
    reference: Reference,
    hypervolume: float,
    metric: Metric,
) -> Figure:
    """The metric against NFE.

    `trials` are (accuracy, nfe) of all trials on the validation split; their front is drawn too, so
    that its optimism shows. `points` are drawn as measured on the test split, with 95 % intervals;
    `chosen` says by their labels which are ringed, and in a word why. Points without calls are levels.
    """
    figure, drawn = new_figure(), split(points)
    axes = figure.add_subplot()
    limits = limits_of(trials, drawn, metric)
    axes.set_ylim(*limits)
    calls = [nfe for _, nfe in trials] + [p.test[NFE] for p in drawn.called]
    logarithmic(axes, [nfe for nfe in calls if nfe > 0])
    _draw_trials(axes, trials, metric, limits)
    marks = _draw_called(axes, drawn, chosen, metric)
    for shown in drawn.levels:
        draw_level(axes, shown.label, shown.strategy, shown.test, metric)
    titled(axes, title, NFE_AXIS, metric.axis)
    worst = f"{metric.title} {100 * metric.of(reference.accuracy):.0f} %"
    legend_below(
        figure, axes,
        f"bars: 95 % intervals over test {metric.samples}; equal NFE side by side; "
        f"hypervolume of trials {hypervolume:.3f}, from {worst} and NFE {reference.nfe:.0f}",
    )  # fmt: skip
    ends = axes.get_xlim()
    levels = [[(x, 100 * p.test[metric.name]) for x in ends] for p in drawn.levels]
    joined = [_steps(marks[: len(drawn.ahead)])] if drawn.ahead else []
    label(figure, axes, marks, [*levels, *joined])
    return figure


def limits_of(
    trials: Sequence[tuple[float, float]], drawn: Split, metric: Metric
) -> tuple[float, float]:
    """Limits of the vertical axis, in percent: around what was measured on test samples and the trials'
    front.
    """
    values, (down, up) = bars([p.test for p in drawn.called], metric)
    found = [trials[i] for i in front(trials)]
    reached = [100 * metric.of(accuracy) for accuracy, nfe in found if nfe > 0]
    reached += [v - d for v, d in zip(values, down, strict=True)]
    reached += [v + u for v, u in zip(values, up, strict=True)]
    levels = [100 * p.test[metric.name] for p in drawn.levels]
    return with_levels(around(reached or levels), levels)


def _draw_trials(
    axes: Axes,
    trials: Sequence[tuple[float, float]],
    metric: Metric,
    limits: tuple[float, float],
) -> None:
    """The trials as dots, those outside of the limits as arrows at the edge, and their front."""
    places = [(nfe, 100 * metric.of(accuracy)) for accuracy, nfe in trials if nfe > 0]
    low, high = limits
    for marker, some, edge, name in (
        ("o", [p for p in places if low <= p[1] <= high], None, "trials, validation"),
        ("v", [p for p in places if p[1] < low], low, "trials below, validation"),
        ("^", [p for p in places if p[1] > high], high, "trials above, validation"),
    ):
        if some:
            axes.scatter(
                [x for x, _ in some], [y if edge is None else edge for _, y in some], s=12,
                marker=marker, color=TRIAL, linewidths=0, label=name, clip_on=edge is None,
            )  # fmt: skip
    found = [trials[i] for i in front(trials) if trials[i][1] > 0]
    if len(found) > 1:
        axes.step(
            [nfe for _, nfe in found], [100 * metric.of(accuracy) for accuracy, _ in found],
            where="post", color=TRIAL, linestyle="--", linewidth=1, label="their front",
        )  # fmt: skip


def places_of(points: Sequence[ReportedPoint], span: float) -> dict[str, float]:
    """Where each point is drawn by its label: at its calls, but those of equal calls a little apart on a
    logarithmic axis whose ends differ by the factor `span`.
    """
    places: dict[str, float] = {}
    for nfe in {p.test[NFE] for p in points}:
        equal = [p.label for p in points if p.test[NFE] == nfe]
        for number, name in enumerate(equal):
            places[name] = nfe * span ** (_APART * (number - (len(equal) - 1) / 2))
    return places


def _draw_called(axes: Axes, drawn: Split, chosen: Mapping[str, str], metric: Metric) -> list[Mark]:
    """All points with calls; the strategy's own that are ahead on test samples are joined."""
    low, high = axes.get_xlim()
    places = places_of(drawn.called, high / low)
    marks = []
    for shown in drawn.called:
        mark = _draw(axes, shown, places[shown.label], metric, faint=shown in drawn.behind)
        marks.append(replace(mark, text=beside(shown, chosen), strong=shown.label in chosen))
    ringed = [mark for mark in marks if mark.strong]
    if ringed:
        axes.plot(
            [mark.x for mark in ringed], [mark.y for mark in ringed], "o", markersize=13, mfc="none",
            mec=INK, mew=1.1, zorder=4, label="chosen on validation",
        )  # fmt: skip
    ahead = marks[: len(drawn.ahead)]
    if ahead:
        style = style_of(drawn.ahead[0].strategy)
        line = _steps(ahead)
        axes.plot(*zip(*line, strict=True), color=style.color, linewidth=1.2, zorder=2, label=FRONT)
        if drawn.behind:
            axes.plot([], [], style.marker, color=style.color, alpha=FAINT, label="beaten on test")
    return marks


def _steps(marks: Sequence[Mark]) -> list[tuple[float, float]]:
    """The line that joins marks by rising NFE: what is reached with so many calls at most."""
    corners = [(marks[0].x, marks[0].y)]
    for before, after in pairwise(marks):
        corners += [(after.x, before.y), (after.x, after.y)]
    return corners


def _draw(axes: Axes, shown: ReportedPoint, place: float, metric: Metric, faint: bool) -> Mark:
    """A point with its interval."""
    (value,), ((down,), (up,)) = bars([shown.test], metric)
    style = style_of(shown.strategy)
    axes.errorbar(
        place, value, yerr=[[down], [up]], color=style.color, alpha=FAINT if faint else 1.0,
        capsize=2, elinewidth=1, fmt="*" if shown.role == "paper" else style.marker,
        markersize=_SIZES[shown.role], mfc="white" if shown.role == "baseline" else style.color,
        zorder=3,
    )  # fmt: skip
    return Mark(place, value, value - down, value + up)
