"""The space of `nested`: both step counts, when and how often the signal is refreshed, the sampler,
chains.
"""

from __future__ import annotations

import optuna

from search_spaces._ranges import (
    Point,
    calls,
    coupled_sampler,
    most_calls,
    point_of,
    steps,
    suggest_coupled_sampler,
    with_chains,
)
from trainables.strategies.nested import Parameters

REFRESH_INTERVALS = {
    "image": (2 / 15, 0.2, 0.25, 1 / 3, 0.5, 1.0),
    "speech": (0.02, 0.05, 2 / 15, 0.2, 0.25, 1 / 3, 0.5, 1.0),
}
"""Fractions of the logit trajectory between two refreshes, from the paper's up: every 20 of 150 steps
(D.4), every step of 50 (E.5).
"""
T_SWITCH = {"image": 2 / 3, "speech": 0.1}
"""The last fraction of the logit trajectory, in which the refreshes are made: after a warm-up of 50 of 150
steps (D.4), the last 5 of 50 (E.5).
"""


def paper_point(T: int, kind: str = "image") -> Point:
    """The paper's point: all T steps, five refreshes, for images from a third of the logit trajectory on
    (D.4), for speech in its last tenth (E.5).
    """
    values: Point = {
        "outer_steps": T,
        "inner_steps": T,
        **coupled_sampler(kind),
        "t_switch": T_SWITCH[kind],
        "refresh_interval": REFRESH_INTERVALS[kind][0],
    }
    return point_of(Parameters, values, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point, and for its `refresh_interval` only where the signal is refreshed at
    all; a longer one is taken where that is needed to keep to the bound on the cost.
    """
    outer_steps = steps(trial, "outer_steps", T)
    inner_steps = steps(trial, "inner_steps", T)
    t_switch = trial.suggest_float("t_switch", 0.0, 1.0)
    point: Point = {
        "outer_steps": outer_steps,
        "inner_steps": inner_steps,
        "t_switch": t_switch,
        "refresh_interval": 1.0,
        **suggest_coupled_sampler(trial, kind),
    }
    if round(t_switch * outer_steps) > 0:
        intervals = REFRESH_INTERVALS[kind]
        shortest = trial.suggest_categorical("refresh_interval", intervals)
        candidates = intervals[intervals.index(shortest) :]
        point["refresh_interval"] = _affordable_interval(point, candidates, T, kind)
    return with_chains(trial, Parameters, point, T, kind)


def _affordable_interval(point: Point, intervals: tuple[float, ...], T: int, kind: str) -> float:
    """The first of these intervals with which the point is not too dear; the last one never is."""
    most = most_calls(T, kind)
    for interval in intervals[:-1]:
        if calls(Parameters, point | {"refresh_interval": interval}) <= most:
            return interval
    return intervals[-1]
