"""What every strategy costs: calls counted by the engine's meter, beside what the paper says."""

from __future__ import annotations

import search_spaces
from trainables.evaluation.call_count import call_count

PAPER_T = 150


def cost_rows() -> list[list[str]]:
    """Rows of the cost table, the header first: calls counted by the meter at T = 150, beside the
    formulas of D.4 and what they come to.
    """
    formulas = {
        "enhanced": ("T", PAPER_T, "1", 1),
        "card": ("T", PAPER_T, "1", 1),
        "parallel": ("2T", 2 * PAPER_T, "1 + T/2", 1 + PAPER_T // 2),
        "alternating": ("10T", 10 * PAPER_T, "1 + 5", 6),
        "nested": ("7T", 7 * PAPER_T, "1 + 5", 6),
    }
    rows = [["strategy", "signal + logit", "NFE", "D.4", "classifier", "D.4", "equal"]]
    for strategy, (formula, calls, classifier_formula, classifier) in formulas.items():
        cost = call_count(strategy, search_spaces.load(strategy).paper_point(PAPER_T), PAPER_T)
        equal = cost.nfe == calls and cost.nfe_classifier == classifier
        split = f"{cost.nfe_signal} + {cost.nfe_logit}"
        denoisers = [split, str(cost.nfe), f"{formula} = {calls}"]
        classified = [str(cost.nfe_classifier), f"{classifier_formula} = {classifier}"]
        rows.append([strategy, *denoisers, *classified, "yes" if equal else "NO"])
    return rows
