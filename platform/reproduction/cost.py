"""What every strategy costs: calls counted by the engine's meter, beside what the paper says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import search_spaces
from trainables.diffusion.ouve import OUVE
from trainables.evaluation.call_count import call_count

PAPER_T = 150
PAPER_STEPS = 50
"""Steps of speech (E.5)."""

Rows = list[list[str]]
"""Rows of a table, the header first."""


@dataclass(frozen=True)
class CostTable:
    """A table of calls a sample at the paper's points.

    Args:
        title: what it is.
        rows: the header, then a row a strategy.
        notes: why numbers differ from the paper's, a sentence each.
    """

    title: str
    rows: Rows
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The table in JSON types."""
        header, *rows = self.rows
        return {"title": self.title, "columns": header, "rows": rows, "notes": list(self.notes)}


def cost_tables() -> tuple[CostTable, CostTable]:
    """Calls of images (D.4) and of speech (E.5)."""
    images = CostTable(
        f"images: calls a sample at T = {PAPER_T}, counted | as D.4 says", cost_rows()
    )
    speech = CostTable(
        f"speech: calls a sample, {PAPER_STEPS} steps with a correction each, counted | as E.5 says",
        speech_cost_rows(),
        (
            "E.5 does not count the call on the enhanced speech, whose transcript answers (E.3).",
            "nested samples 1 + 5 signals, each of which is classified, and f(x_cor) is where its logits "
            "start: 1 + 6, where E.5 has 1 + 5 for initialisation and after each signal update.",
        ),
    )
    return images, speech


def cost_rows() -> Rows:
    """Rows of the cost table of images: calls counted by the meter at T = 150, beside the formulas of D.4
    and what they come to.
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


def speech_cost_rows() -> Rows:
    """Rows of the cost table of speech: calls counted by the meter in 50 steps, each a predictor and a
    corrector, beside E.5's multiples of a trajectory and its sums of the classifier's calls; in the last
    column, what is counted beyond these sums. E.5 says nothing of the baselines.
    """
    sums = {
        "parallel": (2, "1 + 10", 11),
        "alternating": (10, "1 + 5", 6),
        "nested": (7, "1 + 5", 6),
    }
    counts = {
        strategy: call_count(
            strategy,
            search_spaces.load(strategy).paper_point(PAPER_STEPS, "speech"),
            PAPER_STEPS,
            OUVE(),
        )
        for strategy in ("enhanced", "card", *sums)
    }
    trajectory = counts["enhanced"].nfe
    rows = [
        ["strategy", "signal + logit", "NFE", "trajectories", "E.5", "classifier", "E.5", "more"]
    ]
    for strategy, cost in counts.items():
        multiple = f"{cost.nfe / trajectory:g}"
        row = [strategy, f"{cost.nfe_signal} + {cost.nfe_logit}", str(cost.nfe), multiple]
        if strategy not in sums:
            rows.append([*row, "", str(cost.nfe_classifier), "", ""])
            continue
        factor, formula, total = sums[strategy]
        more = cost.nfe_classifier - total
        rows.append(
            [*row, str(factor), str(cost.nfe_classifier), f"{formula} = {total}", f"{more:+d}"]
        )
    return rows
