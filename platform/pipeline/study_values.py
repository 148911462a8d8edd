"""What a complete trial of a study says: its two values, and whether it keeps to the search's bounds."""

from __future__ import annotations

from optuna.trial import FrozenTrial


def accuracy_and_cost(trial: FrozenTrial) -> tuple[float, float]:
    """The two values of a complete trial."""
    return trial.values[0], trial.values[1]


def is_within_bounds(trial: FrozenTrial) -> bool:
    """Whether a complete trial keeps to the bounds of the search; any does where there are none."""
    return all(value <= 0 for value in trial.constraints.values())
