"""The space of `alternating`: iterations, both step counts, the first guidance, eta, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import eta, steps, with_chains
from trainables.config import as_mapping
from trainables.strategies.alternating import Parameters

MOST_ITERATIONS = 5


def paper_point(T: int) -> dict[str, Any]:
    """D.4: DDIM, all T steps, five iterations; Algorithm 4 begins with f(x_cor)."""
    return as_mapping(
        Parameters(iterations=5, signal_steps=T, logit_steps=T, first_guidance="y_cor", eta=0.0)
    )


def suggest(trial: optuna.Trial, T: int) -> dict[str, Any]:
    """A point."""
    point: dict[str, Any] = {
        "iterations": trial.suggest_int("iterations", 1, MOST_ITERATIONS),
        "signal_steps": steps(trial, "signal_steps", T),
        "logit_steps": steps(trial, "logit_steps", T),
        "first_guidance": trial.suggest_categorical("first_guidance", ("y_cor", "none")),
        "eta": eta(trial),
    }
    return with_chains(trial, Parameters, point, T)
