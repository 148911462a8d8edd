"""The space of `nested`: both step counts, when and how often the signal is refreshed, eta, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import eta, steps, with_chains
from trainables.config import as_mapping
from trainables.strategies.nested import Parameters

REFRESH_INTERVALS = (2 / 15, 0.2, 0.25, 1 / 3, 0.5, 1.0)
"""Fractions of the logit trajectory between two refreshes, from the paper's 20 of 150 steps up."""


def paper_point(T: int) -> dict[str, Any]:
    """D.4: DDIM, all T steps, warm-up of a third (50 of 150), a refresh every 20 of 150 steps."""
    return as_mapping(
        Parameters(outer_steps=T, inner_steps=T, t_switch=2 / 3, refresh_interval=2 / 15, eta=0.0)
    )


def suggest(trial: optuna.Trial, T: int) -> dict[str, Any]:
    """A point. `refresh_interval` is asked for only where the signal is refreshed at all."""
    point: dict[str, Any] = {
        "outer_steps": steps(trial, "outer_steps", T),
        "inner_steps": steps(trial, "inner_steps", T),
        "t_switch": trial.suggest_float("t_switch", 0.0, 1.0),
        "refresh_interval": 1.0,
        "eta": eta(trial),
    }
    if round(point["t_switch"] * point["outer_steps"]) > 0:
        point["refresh_interval"] = trial.suggest_categorical("refresh_interval", REFRESH_INTERVALS)
    return with_chains(trial, Parameters, point, T)
