"""The space of `card`: the number of steps, eta, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces import _loops
from trainables.strategies.card import Parameters


def paper_point(T: int) -> dict[str, Any]:
    """D.4: DDIM, all T steps."""
    return _loops.one_paper_point(Parameters, T)


def suggest(trial: optuna.Trial, T: int) -> dict[str, Any]:
    """A point."""
    return _loops.suggest_one(Parameters, trial, T)


def grid(T: int) -> list[dict[str, Any]]:
    """Points to choose the baseline's best from."""
    return _loops.one_grid(Parameters, T)
