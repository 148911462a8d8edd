"""A figure of curves: accuracy or errors against a number, a curve a strategy, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards.axes import draw_level, legend_below, new_figure, set_logarithmic, set_titles
from dashboards.colors import style_of
from dashboards.front import FAINT
from dashboards.pareto import front
from dashboards.points import ReportedPoint
from dashboards.scales import bars, limits_with_levels, padded_limits
from trainables.scoring.cost_metrics import BY_NFE, CostMetric
from trainables.scoring.metric_names import ACCURACY, Metric

Curve = Sequence[tuple[float, Mapping[str, float]]]
"""Places on the horizontal axis with the metrics measured there."""

_SPACING = 1.012  # curves are drawn a little apart, so that intervals do not hide each other


def curves_figure(
    title: str,
    xlabel: str,
    note: str,
    curves: Mapping[str, Curve],
    metric: Metric,
    faint: Mapping[str, Curve] | None = None,
) -> Figure:
    """The metric with 95 % intervals, a curve a strategy; a curve that begins at 0 is drawn as a level over
    the whole width. `faint` are more places of the strategies, drawn faint and not joined.
    """
    figure, faint = new_figure(), faint or {}
    axes = figure.add_subplot()
    levels = {name: curve[0][1] for name, curve in curves.items() if curve and curve[0][0] <= 0}
    joined = {name: curve for name, curve in curves.items() if curve and name not in levels}
    _set_limits(axes, [*joined.values(), *faint.values()], list(levels.values()), metric)
    for number, (name, curve) in enumerate(joined.items()):
        factor = _SPACING ** (number - (len(joined) - 1) / 2)
        _draw(axes, name, faint.get(name, ()), factor, metric, joined=False)
        _draw(axes, name, curve, factor, metric, joined=True)
    for name, metrics in levels.items():
        draw_level(axes, name, name, metrics, metric)
    set_titles(axes, title, xlabel, metric.axis)
    legend_below(figure, axes, note)
    return figure


def _set_limits(
    axes: Axes, curves: Sequence[Curve], levels: Sequence[Mapping[str, float]], metric: Metric
) -> None:
    """Set the limits of the axes, so that all intervals are seen."""
    places = [place for curve in curves for place in curve]
    values, (down, up) = bars([metrics for _, metrics in places], metric)
    ends = [v - d for v, d in zip(values, down, strict=True)]
    ends += [v + u for v, u in zip(values, up, strict=True)]
    level, _ = bars(levels, metric)
    limits = limits_with_levels(padded_limits(ends or level), level)
    axes.set_ylim(*limits)
    set_logarithmic(axes, [x for x, _ in places])


def _draw(axes: Axes, name: str, curve: Curve, factor: float, metric: Metric, joined: bool) -> None:
    """Draw a curve with its places moved by a factor along the horizontal axis."""
    if not curve:
        return
    style = style_of(name)
    curve = sorted(curve, key=lambda place: place[0])
    values, reach = bars([metrics for _, metrics in curve], metric)
    axes.errorbar(
        [x * factor for x, _ in curve], values, yerr=reach, color=style.color, capsize=2,
        marker=style.marker, markersize=5, linewidth=1.2 if joined else 0, elinewidth=1,
        alpha=1.0 if joined else FAINT, label=name if joined else None,
    )  # fmt: skip


def fronts_figure(
    heading: str, points: Sequence[ReportedPoint], metric: Metric, cost: CostMetric = BY_NFE
) -> Figure:
    """Each strategy's points on the test split against a cost, joined where none of its points beats them;
    what costs nothing, as `noisy` has no calls, is a level.

    A point that several sweeps confirmed, as the baselines are, is drawn once.
    """
    curves, faint = {}, {}
    for strategy in sorted({p.strategy for p in points}):
        unique = {
            (p.test[ACCURACY], p.test[cost.name]): p
            for p in points
            if p.strategy == strategy and p.test
        }
        undominated = front(list(unique))
        places = [(p.test[cost.name], p.test) for p in unique.values()]
        curves[strategy] = [places[i] for i in undominated]
        dominated = [place for i, place in enumerate(places) if i not in undominated]
        faint[strategy] = [place for place in dominated if place[0] > 0]
    return curves_figure(
        f"fronts of strategies on {heading}",
        cost.axis,
        f"points found on validation {metric.samples}, as measured on test {metric.samples}; faint: "
        "another of the strategy beats it; bars: 95 % intervals",
        curves,
        metric,
        faint,
    )
