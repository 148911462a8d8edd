"""The space of `alternating`: iterations, both step counts, the first guidance, the sampler, chains."""

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
from trainables.strategies.alternating import Parameters

MOST_ITERATIONS = 5


def paper_point(T: int, kind: str = "image") -> Point:
    """The paper's point: all T steps, five iterations (D.4, E.5); Algorithm 4 begins with f(x_cor)."""
    values: Point = {
        "iterations": 5,
        "signal_steps": T,
        "logit_steps": T,
        "first_guidance": "y_cor",
        **coupled_sampler(kind),
    }
    return point_of(Parameters, values, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point."""
    point: Point = {
        "iterations": trial.suggest_int("iterations", 1, MOST_ITERATIONS),
        "signal_steps": steps(trial, "signal_steps", T),
        "logit_steps": steps(trial, "logit_steps", T),
        "first_guidance": trial.suggest_categorical("first_guidance", ("y_cor", "none")),
        **suggest_coupled_sampler(trial, kind),
    }
    return with_chains(trial, Parameters, point, T, kind)
