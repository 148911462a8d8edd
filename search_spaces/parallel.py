"""The space of `parallel`: steps, warm-up, guidance source, the sampler, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import any_sampler, as_point, sampler, steps, with_chains
from trainables.strategies.parallel import Parameters

WARM_UP = {"image": 0.5, "speech": 0.8}
"""The share of steps without exchange: half of them (D.4), all but the last 10 of 50 (E.5)."""


def paper_point(T: int, kind: str = "image") -> dict[str, Any]:
    """D.4 and E.5: all T steps, the first without exchange; guided by clean estimates (4.3)."""
    own = sampler(kind)
    return as_point(Parameters(steps=T, warm_up=WARM_UP[kind], guidance="clean", **own), kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> dict[str, Any]:
    """A point. `guidance` is asked for only where there is any."""
    point: dict[str, Any] = {
        "steps": steps(trial, "steps", T),
        "warm_up": trial.suggest_float("warm_up", 0.0, 1.0),
        "guidance": "clean",
        **any_sampler(trial, kind),
    }
    if round(point["warm_up"] * point["steps"]) < point["steps"]:
        point["guidance"] = trial.suggest_categorical("guidance", ("clean", "noisy"))
    return with_chains(trial, Parameters, point, T, kind)
