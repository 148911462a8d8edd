"""The space of `alternating`: iterations, both step counts, the first guidance, the sampler, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import any_sampler, as_point, sampler, steps, with_chains
from trainables.strategies.alternating import Parameters

MOST_ITERATIONS = 5


def paper_point(T: int, kind: str = "image") -> dict[str, Any]:
    """D.4 and E.5: all T steps, five iterations; Algorithm 4 begins with f(x_cor)."""
    point = Parameters(
        iterations=5, signal_steps=T, logit_steps=T, first_guidance="y_cor", **sampler(kind)
    )
    return as_point(point, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> dict[str, Any]:
    """A point."""
    point: dict[str, Any] = {
        "iterations": trial.suggest_int("iterations", 1, MOST_ITERATIONS),
        "signal_steps": steps(trial, "signal_steps", T),
        "logit_steps": steps(trial, "logit_steps", T),
        "first_guidance": trial.suggest_categorical("first_guidance", ("y_cor", "none")),
        **any_sampler(trial, kind),
    }
    return with_chains(trial, Parameters, point, T, kind)
