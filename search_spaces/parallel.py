"""The space of `parallel`: steps, warm-up, the sampler, chains."""

from __future__ import annotations

import optuna

from search_spaces import _exchange
from search_spaces._ranges import Point
from trainables.strategies.parallel import Parameters


def paper_point(T: int, kind: str = "image") -> Point:
    """The paper's point: all T steps, the first of them without exchange (D.4, E.5)."""
    return _exchange.paper_point(Parameters, T, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point."""
    return _exchange.suggest(Parameters, trial, T, kind)
