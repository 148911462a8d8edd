"""The space of `cascade`: that of every cascade, and of `enhanced`, its dear half."""

from __future__ import annotations

import optuna

from search_spaces import _cascades, enhanced
from search_spaces._ranges import Point
from trainables.strategies.cascade import Parameters

HALVES = ("card", "enhanced")
"""The strategies whose confirmed fronts a search may begin with, the cheap half's and the dear half's."""

joined = _cascades.joined


def paper_point(T: int, kind: str = "image") -> Point:
    """The paper's point of `enhanced` for all samples but those that the classifier is surest of."""
    return _cascades.paper_point(enhanced, T, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point."""
    return _cascades.suggest(Parameters, enhanced, trial, T, kind)
