"""The page of a sweep: its figure to hover over, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from dashboards.axes import NFE_AXIS, bars
from dashboards.colors import INK, TRIAL, style_of
from dashboards.front import FAINT, FRONT, beside, limits_of, split
from dashboards.points import ReportedPoint, describe, percent
from trainables.scoring.metric_names import NFE, Metric

_HOVER_TEMPLATE = "%{hovertext}<extra></extra>"
_SYMBOLS = {"front": "circle", "paper": "star", "baseline": "square-open"}
_DECADES = 7  # from 1 up to which calls are written at the axis


def front_page(
    title: str,
    trials: Sequence[Mapping[str, Any]],
    points: Sequence[ReportedPoint],
    chosen: Mapping[str, str],
    metric: Metric,
) -> str:
    """HTML of the metric against NFE, drawn as the figure is; hovering tells a point's parameters.

    `trials` are mappings with `accuracy`, `nfe` and `point`.
    """
    figure, drawn = go.Figure(), split(points)
    called = [t for t in trials if t["nfe"] > 0]
    values = [100 * metric.of(t["accuracy"]) for t in called]
    figure.add_scatter(
        x=[t["nfe"] for t in called], y=values, mode="markers", name="trials, validation",
        hovertext=[
            hover("trial, on validation", t["nfe"], f"{value:.1f}", t["point"], metric)
            for t, value in zip(called, values, strict=True)
        ],
        hovertemplate=_HOVER_TEMPLATE, marker={"color": TRIAL, "size": 6},
    )  # fmt: skip
    _add(
        figure, FRONT, drawn.ahead, chosen, metric, line={"shape": "hv"}, mode="lines+markers+text"
    )
    _add(figure, "beaten on test", drawn.behind, chosen, metric, opacity=FAINT, mode="markers+text")
    for shown in drawn.baselines:
        _add(figure, shown.label, [shown], chosen, metric, mode="markers")
    for shown in drawn.levels:
        _add_level(figure, shown, [t["nfe"] for t in called] + _calls(drawn.called), metric)
    figure.update_layout(title=title, template="plotly_white", hovermode="closest")
    ticks = [step * 10**decade for decade in range(_DECADES) for step in (1, 2, 5)]
    figure.update_xaxes(
        type="log", title=NFE_AXIS, tickvals=ticks,
        ticktext=[str(tick) for tick in ticks],
    )  # fmt: skip
    pairs = [(t["accuracy"], t["nfe"]) for t in trials]
    figure.update_yaxes(title=metric.axis, range=limits_of(pairs, drawn, metric))
    value: str = figure.to_html(include_plotlyjs=True, full_html=True)
    return value


def hover(name: str, nfe: float, value: str, point: Mapping[str, Any], metric: Metric) -> str:
    """What is told of a point: its name, the metric and the calls, each once, and its parameters."""
    return f"<b>{name}</b><br>{metric.title} {value} %<br>NFE {nfe:.0f}<br>{describe(point)}"


def _calls(points: Sequence[ReportedPoint]) -> list[float]:
    return [p.test[NFE] for p in points]


def _told(points: Sequence[ReportedPoint], metric: Metric) -> list[str]:
    return [hover(p.label, p.test[NFE], percent(p.test, metric), p.point, metric) for p in points]


def _add(
    figure: go.Figure,
    name: str,
    points: Sequence[ReportedPoint],
    chosen: Mapping[str, str],
    metric: Metric,
    **drawn: Any,
) -> None:
    """Points with their intervals; found ones are numbered, chosen ones ringed."""
    if not points:
        return
    values, (down, up) = bars([p.test for p in points], metric)
    color = style_of(points[0].strategy).color
    marker = {
        "color": color,
        "size": 9,
        "symbol": [_SYMBOLS[p.role] for p in points],
        "line": {"color": INK, "width": [2 if p.label in chosen else 0 for p in points]},
    }
    figure.add_scatter(
        x=_calls(points), y=values, error_y={"array": up, "arrayminus": down, "thickness": 1},
        text=[beside(p, chosen) for p in points], textposition="top right", hovertext=_told(points, metric),
        hovertemplate=_HOVER_TEMPLATE, name=name, marker=marker, **drawn,
    )  # fmt: skip


def _add_level(
    figure: go.Figure, shown: ReportedPoint, calls: Sequence[float], metric: Metric
) -> None:
    """What costs no calls, as a line from the fewest to the most calls. It may lie outside of what is seen
    at first, so that the legend tells its value.
    """
    value, ends = 100 * shown.test[metric.name], [min(calls, default=1), max(calls, default=10)]
    figure.add_scatter(
        x=ends, y=[value, value], mode="lines", name=f"{shown.label}, {value:.1f} %",
        line={"dash": "dot", "color": style_of(shown.strategy).color},
        hovertext=_told([shown], metric) * 2, hovertemplate=_HOVER_TEMPLATE,
    )  # fmt: skip
