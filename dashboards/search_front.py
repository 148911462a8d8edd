"""The figure of a search that is under way: its trials on validation samples, and their front so far."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from dashboards.axes import set_logarithmic, set_titles
from dashboards.colors import INK, TRIAL, style_of
from dashboards.pareto import front
from dashboards.scales import padded_limits
from trainables.scoring.cost_metrics import BY_NFE, CostMetric
from trainables.scoring.metric_names import Metric


def search_figure(
    title: str,
    strategy: str,
    trials: Sequence[tuple[float, float]],
    note: str,
    metric: Metric,
    cost: CostMetric = BY_NFE,
) -> Figure:
    """The metric against the cost of the trials that have some, and the front that they have so far.

    It is drawn often, beside a search: small, without a layout that is searched for.

    Args:
        title: of the figure.
        strategy: what is searched, for its colour.
        trials: (accuracy, cost) of all complete trials on the validation split.
        note: how far the search is, in few words.
        metric: what the vertical axis shows.
        cost: what the horizontal axis shows.
    """
    figure = Figure(figsize=(6.4, 4.2), dpi=100)
    axes = figure.add_axes((0.12, 0.13, 0.84, 0.74))
    trials = [trial for trial in trials if trial[1] > 0]
    places = [(amount, 100 * metric.of(accuracy)) for accuracy, amount in trials]
    undominated = [places[index] for index in front(trials)]
    axes.set_ylim(*padded_limits([value for _, value in places]))
    set_logarithmic(axes, [amount for amount, _ in places])
    style = style_of(strategy)
    if places:
        axes.scatter(
            [amount for amount, _ in places], [value for _, value in places], s=14, color=TRIAL, linewidths=0,
            label="trials",
        )  # fmt: skip
        axes.step(
            [amount for amount, _ in undominated], [value for _, value in undominated], where="post",
            color=style.color, marker=style.marker, markersize=5.5, linewidth=1.2, label="front so far",
        )  # fmt: skip
        axes.legend(loc="best", fontsize=8, frameon=False)
    set_titles(axes, title, cost.axis, metric.axis)
    axes.set_title(title, loc="left", fontsize=10, pad=18)
    axes.text(0, 1.02, note, transform=axes.transAxes, fontsize=8, color=INK)
    return figure
