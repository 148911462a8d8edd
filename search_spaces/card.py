"""The space of `card`: the number of steps, the sampler, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces import _loops
from trainables.strategies.card import Parameters


def paper_point(T: int, kind: str = "image") -> dict[str, Any]:
    """D.4 and E.5: all T steps."""
    return _loops.one_paper_point(Parameters, T, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> dict[str, Any]:
    """A point."""
    return _loops.suggest_one(Parameters, trial, T, kind)


def grid(T: int, kind: str = "image") -> list[dict[str, Any]]:
    """Points to choose the baseline's best from."""
    return _loops.one_grid(Parameters, T, kind)
