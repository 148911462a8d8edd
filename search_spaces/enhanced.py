"""The space of `enhanced`: the number of steps and eta."""

from __future__ import annotations

from typing import Any

import optuna

from trainables.config import as_mapping
from trainables.strategies.enhanced import Parameters


def paper_point(T: int) -> dict[str, Any]:
    """D.4: DDIM, all T steps."""
    return as_mapping(Parameters(steps=T, eta=0.0))


def suggest(trial: optuna.Trial, T: int) -> dict[str, Any]:
    """A point."""
    return {
        "steps": trial.suggest_int("steps", 1, T, log=True),
        "eta": trial.suggest_float("eta", 0.0, 1.0),
    }


def grid(T: int) -> list[dict[str, Any]]:
    """Points to choose the baseline's best from: step counts in equal ratios up to T, DDIM and DDPM."""
    counts = sorted({min(T, round(T ** (i / 6))) for i in range(7)})
    return [as_mapping(Parameters(steps, eta)) for steps in counts for eta in (0.0, 1.0)]
