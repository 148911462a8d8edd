"""The space of `card`: the number of steps, the sampler, chains."""

from __future__ import annotations

import optuna

from search_spaces import _loops
from search_spaces._ranges import Point
from trainables.strategies.card import Parameters


def paper_point(T: int, kind: str = "image") -> Point:
    """The paper's point, all T steps (D.4, E.5)."""
    return _loops.one_loop_paper_point(Parameters, T, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point."""
    return _loops.suggest_one_loop(Parameters, trial, T, kind)


def grid(T: int, kind: str = "image") -> list[Point]:
    """The points that the baseline's best is chosen from."""
    return _loops.one_loop_grid(Parameters, T, kind)
