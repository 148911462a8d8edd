"""The space of `card`: the number of steps, eta, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import eta, one_loop_grid, steps, with_chains
from trainables.config import as_mapping
from trainables.strategies.card import Parameters


def paper_point(T: int) -> dict[str, Any]:
    """D.4: DDIM, all T steps."""
    return as_mapping(Parameters(steps=T, eta=0.0))


def suggest(trial: optuna.Trial, T: int) -> dict[str, Any]:
    """A point."""
    point = {"steps": steps(trial, "steps", T), "eta": eta(trial)}
    return with_chains(trial, Parameters, point, T)


def grid(T: int) -> list[dict[str, Any]]:
    """Points to choose the baseline's best from."""
    return [as_mapping(Parameters(**point)) for point in one_loop_grid(T)]
