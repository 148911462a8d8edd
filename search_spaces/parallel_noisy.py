"""The space of `parallel-noisy`: steps, warm-up, the sampler, chains."""

from __future__ import annotations

import optuna

from search_spaces import _exchange
from search_spaces._ranges import Point
from trainables.strategies.parallel_noisy import Parameters


def paper_point(T: int, kind: str = "image") -> Point:
    """The point of Table 3: that of `parallel`."""
    return _exchange.paper_point(Parameters, T, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point."""
    return _exchange.suggest(Parameters, trial, T, kind)
