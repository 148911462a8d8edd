"""A figure of curves: accuracy or errors against a number, a curve a strategy, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards._drawing import bars, png
from dashboards.pareto import front
from dashboards.points import Shown
from trainables.scoring.metric_names import ACCURACY, NFE, Measure

Curve = Sequence[tuple[float, Mapping[str, float]]]
"""Places on the horizontal axis with the metrics measured there."""

_COLORS = (
    "#0b6e4f",
    "#c0392b",
    "#2c5aa0",
    "#b7791f",
    "#6b3fa0",
    "#4a4e69",
    "#0f8b8d",
    "#a23e48",
    "#7a8b00",
)
_MARKERS = "osD^vP*X"
_APART = 1.012  # curves are drawn a little apart, so that intervals do not hide each other


def curves_figure(
    title: str, xlabel: str, note: str, curves: Mapping[str, Curve], measure: Measure
) -> bytes:
    """PNG of the measure with 95 % intervals; what lies at 0 is a line over the whole width."""
    figure = Figure(figsize=(8, 5), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    for number, (name, curve) in enumerate(curves.items()):
        style = _COLORS[number % len(_COLORS)], _MARKERS[number % len(_MARKERS)]
        apart = _APART ** (number - (len(curves) - 1) / 2)
        moved = [(x * apart, metrics) for x, metrics in curve]
        _draw(axes, name, sorted(moved, key=lambda place: place[0]), measure, *style)
    axes.set_xscale("log")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(measure.axis)
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.25, which="both")
    axes.legend(fontsize=8, frameon=False)
    figure.supxlabel(note, fontsize=7, color="#555")
    return png(figure)


def _draw(axes: Axes, name: str, curve: Curve, measure: Measure, color: str, marker: str) -> None:
    if not curve:
        return
    values, (down, up) = bars([metrics for _, metrics in curve], measure)
    if curve[0][0] <= 0:
        low, high = values[0] - down[0], values[0] + up[0]
        axes.axhline(values[0], color=color, linestyle=":", linewidth=1.2, label=name)
        axes.axhspan(low, high, color=color, alpha=0.08, linewidth=0)
        return
    axes.errorbar(
        [x for x, _ in curve], values, yerr=[down, up], color=color, marker=marker,
        markersize=5, capsize=2, linewidth=1.2, label=name,
    )  # fmt: skip


def fronts_figure(heading: str, points: Sequence[Shown], measure: Measure) -> bytes:
    """PNG of each strategy's front on the test split, and of `noisy` as a line."""
    curves = {}
    for strategy in sorted({p.strategy for p in points}):
        own = [p for p in points if p.strategy == strategy and p.test]
        best = front([(p.test[ACCURACY], p.test[NFE]) for p in own])
        curves[strategy] = [(own[i].test[NFE], own[i].test) for i in best]
    return curves_figure(
        f"every strategy on {heading}",
        "NFE a sample (denoiser calls, log scale)",
        f"of the points found on validation {measure.samples}, those that no other of the strategy beats "
        f"on test {measure.samples}; bars: 95 % intervals",
        curves,
        measure,
    )
