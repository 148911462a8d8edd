"""The space of `retrained`: one point, since there is nothing to sample."""

from __future__ import annotations

import optuna

from search_spaces._ranges import Point


def paper_point(T: int, kind: str = "image") -> Point:
    """The only point, which has no parameters; it is not in the paper."""
    return {}


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """The only point; the trial is asked for nothing."""
    return {}


def grid(T: int, kind: str = "image") -> list[Point]:
    """The only point, in a list."""
    return [{}]
