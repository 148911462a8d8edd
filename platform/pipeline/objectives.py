"""What a search is for: much accuracy at little cost, within bounds."""

from __future__ import annotations

from dataclasses import dataclass
from platform.planning.setup import Setup

from trainables.scoring.cost_metrics import BY_NFE, CostMetric

MAX_COST, MIN_ACCURACY = "max_cost", "min_accuracy"
"""The names of a trial's constraints in Optuna."""


@dataclass(frozen=True)
class Objectives:
    """The objectives of a search, and their bounds.

    Args:
        cost: what points cost.
        max_cost: the cost that a point may have at most; 0 for no bound.
        min_accuracy: the accuracy that a point must have at least; 0 for no bound.
    """

    cost: CostMetric = BY_NFE
    max_cost: float = 0
    min_accuracy: float = 0

    def constraints(self, accuracy: float, cost: float) -> dict[str, float]:
        """By how much a point breaks each bound that there is: above 0 where it does, as Optuna has it. For a
        cost it is a share of the bound, so that both are of the size of 1, as samplers add them up.
        """
        values = {}
        if self.max_cost:
            values[MAX_COST] = cost / self.max_cost - 1
        if self.min_accuracy:
            values[MIN_ACCURACY] = self.min_accuracy - accuracy
        return values


USUAL_OBJECTIVES = Objectives()
"""Accuracy and NFE, without bounds."""


def objectives_of(setup: Setup) -> Objectives:
    """The objectives of a sweep's search."""
    return Objectives(setup.cost, setup.plan.max_cost, setup.plan.min_accuracy)
