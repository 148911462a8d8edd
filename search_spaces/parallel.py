"""The space of `parallel`: steps, warm-up, guidance source, the sampler, chains."""

from __future__ import annotations

import optuna

from search_spaces._ranges import (
    Point,
    coupled_sampler,
    point_of,
    steps,
    suggest_coupled_sampler,
    with_chains,
)
from trainables.strategies.parallel import Parameters

WARM_UP = {"image": 0.5, "speech": 0.8}
"""The share of steps without exchange: half of them (D.4), all but the last 10 of 50 (E.5)."""


def paper_point(T: int, kind: str = "image") -> Point:
    """The paper's point: all T steps, the first of them without exchange (D.4, E.5), guided by clean
    estimates (4.3).
    """
    shared = coupled_sampler(kind)
    values: Point = {"steps": T, "warm_up": WARM_UP[kind], "guidance": "clean", **shared}
    return point_of(Parameters, values, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point, and for its `guidance` only where there is any."""
    count = steps(trial, "steps", T)
    warm_up = trial.suggest_float("warm_up", 0.0, 1.0)
    point: Point = {"steps": count, "warm_up": warm_up, "guidance": "clean"}
    point |= suggest_coupled_sampler(trial, kind)
    if round(warm_up * count) < count:
        point["guidance"] = trial.suggest_categorical("guidance", ("clean", "noisy"))
    return with_chains(trial, Parameters, point, T, kind)
