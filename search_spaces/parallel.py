"""The space of `parallel`: steps, warm-up, guidance source, eta, chains."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import eta, steps, with_chains
from trainables.config import as_mapping
from trainables.strategies.parallel import Parameters


def paper_point(T: int) -> dict[str, Any]:
    """D.4: DDIM, all T steps, the first half without exchange; guided by clean estimates (4.3)."""
    return as_mapping(Parameters(steps=T, warm_up=0.5, guidance="clean", eta=0.0))


def suggest(trial: optuna.Trial, T: int) -> dict[str, Any]:
    """A point. `guidance` is asked for only where there is any."""
    point: dict[str, Any] = {
        "steps": steps(trial, "steps", T),
        "warm_up": trial.suggest_float("warm_up", 0.0, 1.0),
        "guidance": "clean",
        "eta": eta(trial),
    }
    if round(point["warm_up"] * point["steps"]) < point["steps"]:
        point["guidance"] = trial.suggest_categorical("guidance", ("clean", "noisy"))
    return with_chains(trial, Parameters, point, T)
