"""The space of `nested`: both step counts, when and how often the signal is refreshed, the sampler,
chains.
"""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import any_sampler, as_point, most_calls, sampler, steps, with_chains
from trainables.sampling.moves import cost
from trainables.strategies.nested import Parameters

REFRESH_INTERVALS = {
    "image": (2 / 15, 0.2, 0.25, 1 / 3, 0.5, 1.0),
    "speech": (0.02, 0.05, 2 / 15, 0.2, 0.25, 1 / 3, 0.5, 1.0),
}
"""Fractions of the logit trajectory between two refreshes, from the paper's up: every 20 of 150 steps
(D.4), every step of 50 (E.5).
"""
T_SWITCH = {"image": 2 / 3, "speech": 0.1}
"""The last fraction of it, in which they are made: after a warm-up of 50 of 150 steps (D.4), the last 5
of 50 (E.5).
"""


def paper_point(T: int, kind: str = "image") -> dict[str, Any]:
    """D.4 and E.5: all T steps, five refreshes: from 2/3 of the logit trajectory on for images, in its
    last tenth for speech.
    """
    own = sampler(kind)
    switch, interval = T_SWITCH[kind], REFRESH_INTERVALS[kind][0]
    point = Parameters(
        outer_steps=T, inner_steps=T, t_switch=switch, refresh_interval=interval, **own
    )
    return as_point(point, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> dict[str, Any]:
    """A point. `refresh_interval` is asked for only where the signal is refreshed at all; a longer one
    is taken where that is needed to keep to the bound on the cost.
    """
    point: dict[str, Any] = {
        "outer_steps": steps(trial, "outer_steps", T),
        "inner_steps": steps(trial, "inner_steps", T),
        "t_switch": trial.suggest_float("t_switch", 0.0, 1.0),
        "refresh_interval": 1.0,
        **any_sampler(trial, kind),
    }
    if round(point["t_switch"] * point["outer_steps"]) > 0:
        intervals = REFRESH_INTERVALS[kind]
        asked = trial.suggest_categorical("refresh_interval", intervals)
        point["refresh_interval"] = _affordable(point, intervals[intervals.index(asked) :], T, kind)
    return with_chains(trial, Parameters, point, T, kind)


def _affordable(point: dict[str, Any], intervals: tuple[float, ...], T: int, kind: str) -> float:
    """The first of these intervals with which the point is not too dear; the last one never is."""
    most = most_calls(T, kind)
    for interval in intervals[:-1]:
        moves = Parameters(**(point | {"refresh_interval": interval})).schedule()
        if cost(moves).nfe <= most:
            return interval
    return intervals[-1]
