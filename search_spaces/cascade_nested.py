"""The space of `cascade-nested`: that of every cascade, and of `nested`, its dear half."""

from __future__ import annotations

import optuna

from search_spaces import _cascades, nested
from search_spaces._ranges import Point
from trainables.strategies.cascade_nested import Parameters

HALVES = ("card", "nested")
"""The strategies whose confirmed fronts a search may begin with, the cheap half's and the dear half's."""

joined = _cascades.joined


def paper_point(T: int, kind: str = "image") -> Point:
    """The paper's point of `nested` for all samples but those that the classifier is surest of."""
    return _cascades.paper_point(nested, T, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point."""
    return _cascades.suggest(Parameters, nested, trial, T, kind)
