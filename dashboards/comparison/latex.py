"""A comparison as a table of LaTeX, with the rules of the package `booktabs`."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from dashboards.comparison.model import ComparedPair, ComparedStrategy, Comparison
from dashboards.comparison.words import (
    condition,
    cost_name,
    cost_text,
    gain_text,
    p_text,
    reference_text,
    seeds_text,
    volume_text,
)
from dashboards.points import percent

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_",
    "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    "[": "{[}", "]": "{]}", "–": "--", "−": "$-$",
}  # fmt: skip


def latex(text: str) -> str:
    """Text as LaTeX shows it literally; line ends and other marks without a shape are blanks."""
    shown = (" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return "".join(_SPECIAL.get(c, c) for c in shown)


def latex_tables(comparison: Comparison) -> str:
    """The confirmed points, and the tests that are corrected together, a table each.

    To be included with `\\input`; it wants `booktabs`, `textcomp` and the font encoding T1, and letters
    outside of Latin an engine that has them.
    """
    tables = [_points_table(comparison)]
    if comparison.pairs:
        tables.append(_pairs_table(comparison))
    preamble = "% \\usepackage[T1]{fontenc} \\usepackage{textcomp,booktabs}\n"
    return preamble + "\n".join(tables)


def _table(caption: str, key: str, columns: str, head: Sequence[str], lines: Sequence[str]) -> str:
    """A table of ready lines; caption and head are plain text."""
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex(caption)}}}",
            rf"\label{{tab:{key}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            _row(head),
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _row(cells: Sequence[str], strong: bool = False) -> str:
    texts = [rf"\textbf{{{latex(cell)}}}" if strong and cell else latex(cell) for cell in cells]
    return " & ".join(texts) + r" \\"


def _points_table(comparison: Comparison) -> str:
    setting, metric = comparison.setting, comparison.metric
    caption = (
        f"{metric.title[0].upper()}{metric.title[1:]} in % on test {metric.samples} of "
        f"{setting.title} ({condition(setting)}, preset {setting.preset}), "
        f"{seeds_text(comparison.seeds)}; in brackets 95 % intervals over seeds and {metric.samples}. "
        f"Bold: on the joint front of all strategies. Hypervolume of the fronts on validation "
        f"{metric.samples}, measured from {reference_text(comparison)}."
    )
    lines: list[str] = []
    for number, strategy in enumerate(s for s in comparison.strategies if s.points):
        lines += [r"\addlinespace"] if number else []
        lines += _strategy_lines(strategy, comparison)
    head = ["point", "chosen as", cost_name(comparison), f"{metric.title}, %"]
    return _table(caption, "fronts", "llrr", head, lines)


def _strategy_lines(strategy: ComparedStrategy, comparison: Comparison) -> list[str]:
    """A heading with the hypervolume, and a line a point."""
    volume = strategy.hypervolume
    text = strategy.strategy + (f", hypervolume {volume_text(volume)}" if volume else "")
    lines = [rf"\multicolumn{{4}}{{l}}{{\emph{{{latex(text)}}}}} \\"]
    for point in strategy.points:
        cells = [point.label, ", ".join(point.names), cost_text(point.cost)]
        lines.append(_row([*cells, percent(point.test, comparison.metric)], point.on_joint_front))
    return lines


def _pairs_table(comparison: Comparison) -> str:
    metric = comparison.metric
    caption = (
        f"Paired tests on the same test {metric.samples} ({seeds_text(comparison.seeds)}): the first "
        f"point's {metric.title} less the second's, in percentage points with 95 % intervals; p "
        f"corrected by Holm's method for all {len(comparison.pairs)} tests. Within: the most "
        f"{cost_name(comparison)} that both were chosen under on validation {metric.samples}."
    )
    head = ["first", "second", "within", "difference", "p"]
    lines = [_row(pair_cells(pair, comparison)) for pair in comparison.pairs]
    return _table(caption, "tests", "llrrr", head, lines)


def pair_cells(pair: ComparedPair, comparison: Comparison) -> list[str]:
    """A test in words: both points, the budget, the difference and the corrected p-value."""
    budget = "–" if pair.budget is None else f"{pair.budget:g}"
    return [
        pair.first, pair.second, budget, gain_text(pair, comparison.metric), p_text(pair.p_holm),
    ]  # fmt: skip
