"""Figures of guiding classifiers: the guidance error against epsilon where the truth is known, and the
cross-entropy at each diffusion step where it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards.axes import legend_below, new_figure, set_logarithmic, set_titles
from dashboards.colors import INK, STYLES, Style
from trainables.scoring.guidance import GuidanceLaw, MeasuredGuide
from trainables.scoring.guide_trust import GuideStep

_RAMP = ("#9ecae1", "#6baed6", "#3182bd", "#08519c", "#08306b")
_MARKERS = ("o", "s", "^", "D", "v")
_BOUND = "#d55e00"
_GUIDES = {"frozen": STYLES["enhanced"], "noisy": STYLES["nested"]}
_RANGE = 0.10  # how strongly the proposed range is tinted


def ordered_styles(values: Sequence[int]) -> dict[int, Style]:
    """A style for each of some numbers, darker the larger it is."""
    ordered = sorted(set(values))
    last = max(1, len(ordered) - 1)
    shades = [_RAMP[round(place * (len(_RAMP) - 1) / last)] for place in range(len(ordered))]
    return {
        value: Style(shade, marker)
        for value, shade, marker in zip(ordered, shades, cycle(_MARKERS), strict=False)
    }


def guidance_figure(
    title: str, guides: Sequence[MeasuredGuide], laws: Mapping[int, GuidanceLaw], note: str
) -> Figure:
    """The guidance error against epsilon, a panel a dimension with the curve d epsilon in it, a point a
    classifier and step; the last panel has the error over d epsilon at each step, after the longest training.

    Args:
        title: of the figure.
        guides: the measured classifiers.
        laws: the law of each dimension, whose slope its panel's title says.
        note: what is said under the figure.
    """
    dimensions = sorted(laws)
    figure = new_figure(3.6 * (len(dimensions) + 1) + 0.4, 4.8)
    panels = list(figure.subplots(1, len(dimensions) + 1))
    styles = ordered_styles([guide.updates for guide in guides])
    for panel, d in zip(panels[:-1], dimensions, strict=True):
        _draw_errors(panel, d, [g for g in guides if g.dimensions == d], laws[d], styles)
        panel.sharey(panels[0])
    largest = max(guide.dimensions * step.epsilon for guide in guides for step in guide.steps)
    least = min(step.guidance_error for guide in guides for step in guide.steps)
    panels[0].set_ylim(least / 1.5, 1.3 * max(largest, panels[0].get_ylim()[1]))
    _draw_ratios(panels[-1], guides)
    figure.suptitle(title, fontsize=11, x=0.01, ha="left")
    legend_below(figure, panels[0], note)
    return figure


def _draw_errors(
    axes: Axes,
    d: int,
    guides: Sequence[MeasuredGuide],
    law: GuidanceLaw,
    styles: Mapping[int, Style],
) -> None:
    """Draw the points of one dimension, and the curve."""
    for updates, style in styles.items():
        steps = [step for guide in guides if guide.updates == updates for step in guide.steps]
        axes.plot(
            [step.epsilon for step in steps],
            [step.guidance_error for step in steps],
            style.marker, color=style.color, markersize=4, alpha=0.7, label=f"{updates} updates",
        )  # fmt: skip
    set_logarithmic(axes, [step.epsilon for guide in guides for step in guide.steps])
    axes.set_yscale("log")
    low, high = axes.get_xlim()
    for factor, line, name in (
        (1.0, "-", "d ε, the paper's bound with constant 1"),
        (law.highest_ratio, "--", "d ε times the least constant that bounds this d"),
    ):
        axes.plot(
            [low, high], [factor * d * low, factor * d * high], line, color=_BOUND, linewidth=1.2,
            label=name,
        )  # fmt: skip
    axes.set_xlim(low, high)
    slope = law.slope
    heading = f"d = {d}: slope {slope.value:.2f} [{slope.low:.2f}, {slope.high:.2f}]"
    set_titles(axes, heading, "ε, root of the conditional KL (nats)", "")
    axes.title.set_fontsize(9)
    axes.set_ylabel("guidance error, E |ĝ − g|²")


def _draw_ratios(axes: Axes, guides: Sequence[MeasuredGuide]) -> None:
    """Draw the error over d epsilon at each step, after the longest training, a line a dimension
    that joins the means over seeds, each of which is a dot.
    """
    longest = max(guide.updates for guide in guides)
    styles = ordered_styles([guide.dimensions for guide in guides])
    for d, style in styles.items():
        chosen = [g for g in guides if g.dimensions == d and g.updates == longest]
        levels = [step.level for step in chosen[0].steps]
        by_level = [[g.steps[i].ratio(d) for g in chosen] for i in range(len(levels))]
        for level, ratios in zip(levels, by_level, strict=True):
            axes.plot([level] * len(ratios), ratios, ".", color=style.color, alpha=0.5)
        means = [sum(ratios) / len(ratios) for ratios in by_level]
        axes.plot(levels, means, style.marker, linestyle="-", color=style.color, markersize=4)
        axes.annotate(f" d = {d}", (levels[-1], means[-1]), fontsize=8, color=INK, va="center")
    axes.axhline(1.0, color=_BOUND, linewidth=1.2)
    axes.set_yscale("log")
    left, right = max(levels), min(levels)
    axes.set_xlim(left + 0.04 * (left - right), right - 0.22 * (left - right))
    set_titles(axes, f"after {longest} updates", "noise level t of the step", "error / (d ε)")
    axes.title.set_fontsize(9)


def cross_entropy_figure(
    title: str,
    guides: Mapping[str, Sequence[GuideStep]],
    names: Mapping[str, str],
    references: Mapping[str, float],
    proposed: tuple[float, float] | None,
    note: str,
) -> Figure:
    """The cross-entropy of guides at each step with 95 % intervals, over the fraction of the steps.

    Args:
        title: of the figure.
        guides: by their names as a parameter of `guided`, what each is at each step from the noisiest.
        names: what each guide is called in the legend.
        references: cross-entropies that do not depend on the step, by name; drawn as levels.
        proposed: the range of steps that is proposed, as fractions; None where none is.
        note: what is said under the figure.
    """
    figure = new_figure()
    axes = figure.add_subplot()
    for name, steps in guides.items():
        style = _GUIDES[name]
        places = [number / len(steps) for number in range(len(steps))]
        values = [step.cross_entropy.value for step in steps]
        down = [step.cross_entropy.value - step.cross_entropy.low for step in steps]
        up = [step.cross_entropy.high - step.cross_entropy.value for step in steps]
        axes.errorbar(
            places, values, yerr=[down, up], color=style.color, marker=style.marker, markersize=5,
            capsize=2, linewidth=1.2, elinewidth=1, label=names[name],
        )  # fmt: skip
    for (name, value), line in zip(references.items(), cycle((":", "--", "-.")), strict=False):
        axes.axhline(value, color=INK, linestyle=line, linewidth=1.0, label=f"{name} {value:.2f}")
    if proposed is not None:
        axes.axvspan(*proposed, color=STYLES["alternating"].color, alpha=_RANGE, lw=0,
                     label="proposed active range")  # fmt: skip
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(bottom=0)
    top = "fraction of the selected steps (0: noise, 1: clean)"
    set_titles(axes, title, top, "cross-entropy, nats")
    legend_below(figure, axes, note)
    return figure
