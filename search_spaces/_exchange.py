"""The space of strategies that exchange guidance at every step: `parallel` and `parallel-noisy`."""

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


def paper_point(parameters: type[Parameters], T: int, kind: str) -> Point:
    """The paper's point: all T steps, the first of them without exchange (D.4, E.5)."""
    shared = coupled_sampler(kind)
    return point_of(parameters, {"steps": T, "warm_up": WARM_UP[kind], **shared}, kind)


def suggest(parameters: type[Parameters], trial: optuna.Trial, T: int, kind: str) -> Point:
    """Ask the trial for a point: steps, warm-up, the sampler, what answers, the chains."""
    point: Point = {
        "steps": steps(trial, "steps", T),
        "warm_up": trial.suggest_float("warm_up", 0.0, 1.0),
        **suggest_coupled_sampler(trial, kind),
    }
    return with_chains(trial, parameters, point, T, kind)
