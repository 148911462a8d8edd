"""The space of `signal-only`: both step counts, the sampler, chains."""

from __future__ import annotations

import optuna

from search_spaces import _loops
from search_spaces._ranges import Point
from trainables.strategies.signal_only import Parameters


def paper_point(T: int, kind: str = "image") -> Point:
    """The point with all T steps, as the paper samples everything (D.4, E.5); it is not in the paper."""
    return _loops.two_loop_paper_point(Parameters, T, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point."""
    return _loops.suggest_two_loops(Parameters, trial, T, kind)
