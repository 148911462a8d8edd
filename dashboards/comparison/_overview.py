"""The table over all settings of a page: a row a setting, a column a strategy."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.comparison._html import Html, element, table
from dashboards.comparison._sections import hint
from dashboards.comparison._swatch import named_swatch
from dashboards.comparison.model import ComparedPoint, ComparedStrategy, Comparison
from dashboards.comparison.words import condition, named, number, seeds_text


def overview(comparisons: Sequence[Comparison]) -> Html:
    """A table of settings by strategies: the best point and the cheapest as good."""
    strategies = sorted({s.strategy for c in comparisons for s in c.strategies})
    several_presets = len({(c.setting.preset, c.seeds) for c in comparisons}) > 1
    rows = []
    for place, comparison in enumerate(comparisons):
        setting = comparison.setting
        words = f"{setting.title}, {condition(setting)}"
        if several_presets:
            words += f", {setting.preset}, {seeds_text(comparison.seeds)}"
        name = element("button", {"type": "button", "class": "plain"}, words)
        cells = [_overview_cell(comparison, strategy) for strategy in strategies]
        head = element("th", {"scope": "row"}, name)
        rows.append(element("tr", {"data-setting": place, "class": "open"}, head, *cells))
    heads = ["dataset", *(named_swatch(strategy, strategy) for strategy in strategies)]
    caption = "Each strategy's best point, and the cheapest that is as good"
    return element(
        "section", {"class": "overview"}, element("h2", None, "All settings"),
        table(caption, heads, rows, heard=False), hint(
            "In each place above the best point on test samples with its cost, below the cheapest that is "
            "not worse; bold: the best of a row. Press a row to see it whole."
        ),
    )  # fmt: skip


def _overview_cell(comparison: Comparison, name: str) -> Html:
    """The best and the cheapest as good of a strategy; a dash where it was not measured."""
    best = {s.strategy: _best(s, comparison) for s in comparison.strategies}
    own = best.get(name)
    if own is None:
        return element("td", {"class": "number"}, "–")
    values = [_accuracy(p, comparison) for p in best.values() if p]
    leads = _accuracy(own, comparison) >= max(values)
    lines = [element("strong" if leads else "span", None, _short(own, comparison))]
    strategy = next(s for s in comparison.strategies if s.strategy == name)
    cheapest = named(strategy, "cheapest")
    if cheapest is not None and cheapest is not own:
        lines.append(element("span", {"class": "below"}, _short(cheapest, comparison)))
    return element("td", {"class": "number"}, *lines)


def _best(strategy: ComparedStrategy, comparison: Comparison) -> ComparedPoint | None:
    """The point that is named the best; of a baseline that on validation samples."""
    name = comparison.metric.name
    tested = [p for p in strategy.points if name in p.test]
    sign = 1 if comparison.metric.rises else -1
    best = max(tested, key=lambda p: sign * p.validation.get(name, p.test[name]), default=None)
    chosen = named(strategy, "best")
    return chosen if chosen in tested else best


def _accuracy(point: ComparedPoint, comparison: Comparison) -> float:
    metric = comparison.metric
    return point.test[metric.name] * (1 if metric.rises else -1)


def _short(point: ComparedPoint, comparison: Comparison) -> str:
    value = 100 * point.test[comparison.metric.name]
    return f"{value:.1f} % at {number(point.cost.value)}"
