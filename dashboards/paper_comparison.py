"""A figure of ours beside the paper's: a panel a dataset and corruption, a place a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards._drawing import bars, png
from trainables.scoring.metric_names import Measure

_OURS, _PAPER = "#0b6e4f", "#c0392b"


@dataclass(frozen=True)
class Pair:
    """A method's metrics as measured here, and as the paper reports them (None where it does not)."""

    panel: str
    method: str
    ours: Mapping[str, float]
    paper: Mapping[str, float] | None


def side_by_side(title: str, pairs: Sequence[Pair], measure: Measure) -> bytes:
    """PNG of all pairs with 95 % intervals."""
    panels = list(dict.fromkeys(pair.panel for pair in pairs))
    methods = list(dict.fromkeys(pair.method for pair in pairs))
    width = max(4.0, 0.8 * len(methods))
    figure = Figure(figsize=(width * len(panels) + 0.6, 4.2), dpi=130, layout="constrained")
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        own = [pair for pair in pairs if pair.panel == panel]
        places = [methods.index(pair.method) for pair in own]
        ours = [pair.ours for pair in own]
        _draw(axes, [p - 0.1 for p in places], ours, measure, _OURS, "o", "measured")
        paper = [(p, pair.paper) for p, pair in zip(places, own, strict=True) if pair.paper]
        theirs = [m for _, m in paper]
        _draw(axes, [p + 0.1 for p, _ in paper], theirs, measure, _PAPER, "s", "paper")
        axes.set_xticks(range(len(methods)), methods, rotation=30, ha="right", fontsize=8)
        axes.set_title(panel, fontsize=10)
        axes.grid(alpha=0.25)
    figure.axes[0].set_ylabel(measure.axis)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", fontsize=8, frameon=False, ncols=2)
    figure.suptitle(title, fontsize=11)
    return png(figure)


def _draw(
    axes: Axes,
    places: Sequence[float],
    measured: Sequence[Mapping[str, float]],
    measure: Measure,
    color: str,
    marker: str,
    label: str,
) -> None:
    if not places:
        return
    values, reach = bars(measured, measure)
    axes.errorbar(
        places, values, yerr=reach, fmt=marker, color=color, capsize=2, markersize=5,
        label=label,
    )  # fmt: skip
