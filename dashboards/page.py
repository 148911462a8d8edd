"""The page of a sweep: its figure to hover over, in one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.colors import INK, TRIAL, style_of
from dashboards.front import FAINT, FRONT, annotation, layers_of, limits_of
from dashboards.points import ReportedPoint, describe, percent
from dashboards.scales import bars
from trainables.scoring.cost_metrics import BY_NFE, CostMetric
from trainables.scoring.metric_names import Metric

_HOVER_TEMPLATE = "%{hovertext}<extra></extra>"
_SYMBOLS = {"front": "circle", "paper": "star", "baseline": "square-open"}
_DECADES = range(-6, 7)  # that costs are written in at the axis


class TrialPoint(NamedTuple):
    """A trial of the search: its accuracy on validation samples, its cost, and its parameters."""

    accuracy: float
    cost: float
    point: Mapping[str, object]


def front_page(
    title: str,
    trials: Sequence[TrialPoint],
    points: Sequence[ReportedPoint],
    choices: Mapping[str, str],
    metric: Metric,
    cost: CostMetric = BY_NFE,
) -> str:
    """HTML of the metric against a cost, drawn as the figure is; hovering shows a point's parameters.

    Args:
        title: the page's title.
        trials: all trials of the search.
        points: drawn as measured on the test split.
        choices: labels of the points that are ringed, and in a word why they were chosen.
        metric: what the vertical axis shows.
        cost: what the horizontal axis shows.
    """
    figure, layers = go.Figure(), layers_of(points, cost)
    with_costs = [t for t in trials if t.cost > 0]
    values = [100 * metric.of(t.accuracy) for t in with_costs]
    costs = [t.cost for t in with_costs]
    figure.add_scatter(
        x=costs, y=values, mode="markers", name="trials, validation",
        hovertext=[
            hover("trial, on validation", t.cost, f"{value:.1f}", t.point, metric, cost)
            for t, value in zip(with_costs, values, strict=True)
        ],
        hovertemplate=_HOVER_TEMPLATE, marker={"color": TRIAL, "size": 6},
    )  # fmt: skip
    steps = {"line": {"shape": "hv"}, "mode": "lines+markers+text"}
    _add(figure, FRONT, layers.undominated, choices, metric, cost, **steps)
    _add(
        figure, "beaten on test", layers.dominated, choices, metric, cost, opacity=FAINT,
        mode="markers+text",
    )  # fmt: skip
    for point in layers.baselines:
        _add(figure, point.label, [point], choices, metric, cost, mode="markers")
    for point in layers.levels:
        _add_level(figure, point, costs + _costs(layers.at_costs, cost), metric, cost)
    figure.update_layout(title=title, template="plotly_white", hovermode="closest")
    ticks = [round(step * 10.0**decade, 10) for decade in _DECADES for step in (1, 2, 5)]
    figure.update_xaxes(
        type="log", title=cost.axis, tickvals=ticks,
        ticktext=[f"{tick:.12g}" for tick in ticks],
    )  # fmt: skip
    pairs = [(t.accuracy, t.cost) for t in trials]
    figure.update_yaxes(title=metric.axis, range=limits_of(pairs, layers, metric))
    value: str = figure.to_html(include_plotlyjs=True, full_html=True)
    return value


def hover(
    name: str,
    amount: float,
    value: str,
    point: Mapping[str, object],
    metric: Metric,
    cost: CostMetric = BY_NFE,
) -> str:
    """The text over a point: its name, the metric and the cost, each once, and its parameters."""
    amount_text = f"{cost.title} {cost.number(amount)}"
    return f"<b>{name}</b><br>{metric.title} {value} %<br>{amount_text}<br>{describe(point)}"


def _costs(points: Sequence[ReportedPoint], cost: CostMetric) -> list[float]:
    return [p.test[cost.name] for p in points]


def _hover_texts(points: Sequence[ReportedPoint], metric: Metric, cost: CostMetric) -> list[str]:
    return [
        hover(p.label, p.test[cost.name], percent(p.test, metric), p.point, metric, cost)
        for p in points
    ]


def _add(
    figure: go.Figure,
    name: str,
    points: Sequence[ReportedPoint],
    choices: Mapping[str, str],
    metric: Metric,
    cost: CostMetric,
    **style: object,
) -> None:
    """Add points with their intervals; points of the search are numbered, chosen ones ringed. `style` are
    more of plotly's options.
    """
    if not points:
        return
    values, (down, up) = bars([p.test for p in points], metric)
    color = style_of(points[0].strategy).color
    marker = {
        "color": color,
        "size": 9,
        "symbol": [_SYMBOLS[p.role] for p in points],
        "line": {"color": INK, "width": [2 if p.label in choices else 0 for p in points]},
    }
    figure.add_scatter(
        x=_costs(points, cost), y=values, error_y={"array": up, "arrayminus": down, "thickness": 1},
        text=[annotation(p, choices) for p in points], textposition="top right",
        hovertext=_hover_texts(points, metric, cost), hovertemplate=_HOVER_TEMPLATE, name=name,
        marker=marker, **style,
    )  # fmt: skip


def _add_level(
    figure: go.Figure,
    point: ReportedPoint,
    costs: Sequence[float],
    metric: Metric,
    cost: CostMetric,
) -> None:
    """Add a point without calls, as a line from the least cost to the most. The line may lie outside of
    what is seen at first, so that the legend says its value.
    """
    value, ends = 100 * point.test[metric.name], [min(costs, default=1), max(costs, default=10)]
    figure.add_scatter(
        x=ends, y=[value, value], mode="lines", name=f"{point.label}, {value:.1f} %",
        line={"dash": "dot", "color": style_of(point.strategy).color},
        hovertext=_hover_texts([point], metric, cost) * 2, hovertemplate=_HOVER_TEMPLATE,
    )  # fmt: skip
