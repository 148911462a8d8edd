"""Figures of a front: a PNG to look at, an HTML page to explore, a grid of samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards._drawing import bars, png
from dashboards.pareto import Reference
from dashboards.points import Shown, describe, percent
from trainables.scoring.metric_names import NFE, Measure

COLORS = {"front": "#0b6e4f", "paper": "#c0392b", "baseline": "#4a4e69", "trial": "#9aa5b1"}
_MARKERS = {"front": "o", "paper": "*", "baseline": "s"}


def front_figure(
    title: str,
    trials: Sequence[tuple[float, float]],
    points: Sequence[Shown],
    reference: Reference,
    hypervolume: float,
    measure: Measure,
) -> bytes:
    """PNG of the measure against NFE.

    `trials` are (accuracy, nfe) of all trials on the validation split, faint; `points` are drawn as
    measured on the test split, with 95 % intervals; points without denoiser calls are lines. The
    front found on the validation split is drawn too, so that its optimism shows.
    """
    figure = Figure(figsize=(8, 5), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(
        [n for _, n in trials], [100 * measure.of(a) for a, _ in trials], s=14, color=COLORS["trial"],
        label="trials, validation", zorder=1,
    )  # fmt: skip
    found = sorted(
        (p.validation[NFE], 100 * p.validation[measure.name]) for p in points if p.role == "front"
    )
    if found:
        axes.step(*zip(*found, strict=True), where="post", color=COLORS["trial"], linestyle="--",
                  linewidth=1, label="front, validation")  # fmt: skip
    for shown in points:
        if shown.test:
            _draw(axes, shown, measure)
    confirmed = sorted(
        (p.test[NFE], 100 * p.test[measure.name]) for p in points if p.role == "front" and p.test
    )
    if confirmed:
        axes.plot(*zip(*confirmed, strict=True), color=COLORS["front"], linewidth=1, zorder=2)
    axes.set_xscale("log")
    axes.set_xlabel("NFE a sample (denoiser calls, log scale)")
    axes.set_ylabel(measure.axis)
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(*_unique(axes), fontsize=8, frameon=False,
                loc="lower right" if measure.rises else "upper right")  # fmt: skip
    worst = f"{measure.title} {100 * measure.of(reference.accuracy):.0f} %"
    figure.supxlabel(
        f"bars: 95 % intervals over test {measure.samples}; hypervolume {hypervolume:.3f} of trials, "
        f"from {worst} and NFE {reference.nfe:.0f}",
        fontsize=7, color="#555",
    )  # fmt: skip
    return png(figure)


def _draw(axes: Axes, shown: Shown, measure: Measure) -> None:
    (value,), reach = bars([shown.test], measure)
    nfe, color = shown.test[NFE], COLORS[shown.role]
    if nfe == 0:
        axes.axhline(value, color=color, linestyle=":", linewidth=1.2)
        axes.axhspan(value - reach[0][0], value + reach[1][0], color=color, alpha=0.08)
        axes.annotate(shown.label, (0.01, value), xycoords=("axes fraction", "data"),
                      fontsize=8, color=color, va="bottom")  # fmt: skip
        return
    label = {"front": "front, test", "paper": shown.label}.get(shown.role)
    axes.errorbar(
        nfe, value, yerr=reach, color=color, capsize=2,
        fmt=_MARKERS[shown.role], markersize=11 if shown.role == "paper" else 5, label=label,
        mfc="white" if shown.role == "baseline" else color, zorder=3,
    )  # fmt: skip
    if shown.role == "baseline":
        axes.annotate(shown.label, (nfe, value), textcoords="offset points", xytext=(6, -10),
                      fontsize=7, color=color)  # fmt: skip


def _unique(axes: Axes) -> tuple[list[Artist], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    return list(named.values()), list(named)


def front_page(
    title: str,
    trials: Sequence[Mapping[str, object]],
    points: Sequence[Shown],
    measure: Measure,
) -> str:
    """A self-contained HTML page with the same points to hover over.

    `trials` are mappings with `accuracy`, `nfe` and `point`.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[t["nfe"] for t in trials],
        y=[100 * measure.of(float(t["accuracy"])) for t in trials],  # type: ignore[arg-type]
        text=[describe(t["point"]) for t in trials],  # type: ignore[arg-type]
        mode="markers",
        name="trials, validation",
        marker={"color": COLORS["trial"], "size": 6},
    )
    for role in ("front", "paper", "baseline"):
        chosen = [p for p in points if p.role == role and p.test]
        values, (down, up) = bars([p.test for p in chosen], measure)
        figure.add_scatter(
            x=[max(p.test[NFE], 1.0) for p in chosen],
            y=values,
            error_y={"array": up, "arrayminus": down},
            text=[
                f"{p.label}<br>{describe(p.point)}<br>{percent(p.test, measure)} %" for p in chosen
            ],
            hoverinfo="text+y",
            mode="lines+markers" if role == "front" else "markers",
            name=f"{role}, test",
            marker={"color": COLORS[role], "size": 9},
        )
    for shown in points:
        if shown.test and shown.role != "front":
            figure.add_annotation(
                x=math.log10(max(shown.test[NFE], 1.0)), y=100 * shown.test[measure.name],
                text=shown.label, showarrow=False, xanchor="left", xshift=8, font={"size": 11},
            )  # fmt: skip
    figure.update_layout(title=title, template="plotly_white", hovermode="closest")
    figure.update_xaxes(type="log", title="NFE a sample (denoiser calls; none is drawn at 1)")
    figure.update_yaxes(title=measure.axis)
    return figure.to_html(include_plotlyjs=True, full_html=True)
