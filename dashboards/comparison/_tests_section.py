"""The part of a page with the paired tests: matrices by colour and in words, and the whole table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.comparison._html import Html, element, number_cell, table, together
from dashboards.comparison._sections import hint, section
from dashboards.comparison.latex import pair_cells
from dashboards.comparison.model import ComparedPair, Comparison
from dashboards.comparison.words import cost_name, gain_of, gain_text, number, p_text

_LEVEL = 0.05
_BETTER, _WORSE = "0,114,178", "213,94,0"  # blue and vermillion, as red, green, blue
_STRONGEST = 0.55  # opacity of the largest difference


def tests(comparison: Comparison) -> Html:
    """All tests, empty where there are none."""
    pairs = comparison.pairs
    if not pairs:
        return Html("")
    metric = comparison.metric
    better = "more" if metric.rises else "less"
    return section(
        "tests", "Is the difference real?",
        hint(
            f"Paired tests on the same test {metric.samples}; {metric.title} of the first less that of the "
            f"second, in percentage points. All {len(pairs)} tests are corrected together by Holm's method. "
            f"Blue and ▲: the first is better ({better} {metric.title}); orange and ▼: the second is; "
            "without colour: p is 0.05 or more, and they are not told apart."
        ),
        _matched([pair for pair in pairs if pair.budget is not None], comparison),
        _against([pair for pair in pairs if pair.budget is None], comparison),
        element("details", None, element("summary", None, f"All {len(pairs)} tests with intervals"),
                _whole(comparison)),
    )  # fmt: skip


def _matched(pairs: Sequence[ComparedPair], comparison: Comparison) -> Html:
    """Pairs of strategies by budgets."""
    strategy_of = {point.label: point.strategy for point in comparison.points}
    cells: dict[tuple[str, str], ComparedPair] = {}
    for pair in sorted(pairs, key=lambda pair: pair.budget or 0):
        first, second = (strategy_of.get(label, label) for label in (pair.first, pair.second))
        cells[f"{first} less {second}", f"≤ {number(pair.budget or 0)}"] = pair
    caption = f"At matched cost: each strategy's best within so much {cost_name(comparison)}"
    budgets = sorted({pair.budget for pair in pairs if pair.budget is not None})
    return _matrix(caption, [f"≤ {number(budget)}" for budget in budgets], cells, comparison)


def _against(pairs: Sequence[ComparedPair], comparison: Comparison) -> Html:
    """Named points by what they are tested against."""
    cells = {(pair.first, pair.second): pair for pair in pairs}
    heads = list(dict.fromkeys(pair.second for pair in pairs))
    return _matrix("Named points (rows) less others (columns)", heads, cells, comparison)


def _matrix(
    caption: str,
    heads: Sequence[str],
    cells: Mapping[tuple[str, str], ComparedPair],
    comparison: Comparison,
) -> Html:
    """Tests by the names of their rows and columns."""
    if not cells:
        return Html("")
    widest = max(abs(pair.difference) for pair in cells.values())
    rows = [
        element(
            "tr", None, element("th", {"scope": "row"}, name),
            *(_cell(cells.get((name, head)), widest, comparison) for head in heads),
        )
        for name in sorted(dict.fromkeys(name for name, _ in cells))
    ]  # fmt: skip
    return table(
        caption, ["", *(f"#{head}" for head in heads)], rows, {"class": "matrix"}, heard=False
    )


def _cell(pair: ComparedPair | None, widest: float, comparison: Comparison) -> Html:
    """A difference, coloured where it is told from none."""
    if pair is None:
        return element("td", {"class": "number none", "title": "the same two points, or none"}, "·")
    told, better = pair.p_holm < _LEVEL, pair.difference > 0
    value, _, _ = gain_of(pair, comparison.metric)
    sign = ("▲ " if better else "▼ ") if told else ""
    strength = 0.12 + (_STRONGEST - 0.12) * abs(pair.difference) / (widest or 1.0)
    color = f"background:rgba({_BETTER if better else _WORSE},{strength:.2f})" if told else None
    words = f"{pair.first} less {pair.second}: {gain_text(pair, comparison.metric)}, p {p_text(pair.p_holm)}"
    return element(
        "td", {"class": "number", "style": color, "title": words},
        together([f"{sign}{value:+.1f}", element("span", {"class": "below"}, f"p {p_text(pair.p_holm)}")]),
    )  # fmt: skip


def _whole(comparison: Comparison) -> Html:
    head = ["first", "second", "#within", "#difference [95 %]", "#p, corrected", "#p alone"]
    rows = []
    for pair in comparison.pairs:
        first, second, *numbers = pair_cells(pair, comparison)
        texts = [*numbers, p_text(pair.p_value)]
        cells = [element("td", None, first), element("td", None, second), *map(number_cell, texts)]
        rows.append(element("tr", None, *cells))
    return table("All paired tests", head, rows, {"class": "all-tests"})
