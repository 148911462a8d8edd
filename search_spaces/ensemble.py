"""The space of `ensemble`: the number of its members."""

from __future__ import annotations

import optuna

from search_spaces._ranges import Point
from trainables.task.members import MOST_MEMBERS


def paper_point(T: int, kind: str = "image") -> Point:
    """The point with one member, as the paper's points have one chain; it is not in the paper."""
    return {"members": 1}


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for the number of members."""
    return {"members": trial.suggest_int("members", 1, MOST_MEMBERS)}


def grid(T: int, kind: str = "image") -> list[Point]:
    """The points that the baseline's best is chosen from: every number of members."""
    return [{"members": members} for members in range(1, MOST_MEMBERS + 1)]
