"""Ranges that the spaces share, and the one bound on what a point may cost."""

from __future__ import annotations

from typing import Any

import optuna

from trainables.strategies._chains import Chained
from trainables.strategies._moves import cost

LARGEST_COST = 10
"""No point costs more denoiser calls than this times T: the dearest of the paper's, alternating."""
_MOST_CHAINS = 8


def steps(trial: optuna.Trial, name: str, T: int) -> int:
    """A step count from 1 to T, small ones as likely as large ones."""
    return trial.suggest_int(name, 1, T, log=True)


def eta(trial: optuna.Trial) -> float:
    """From DDIM to DDPM in quarters: finer makes no difference that could be measured, and points
    with the same eta share trajectories.
    """
    return trial.suggest_float("eta", 0.0, 1.0, step=0.25)


def with_chains(
    trial: optuna.Trial, kind: type[Chained], point: dict[str, Any], T: int
) -> dict[str, Any]:
    """The point with 1 to 8 chains: as many as are asked for, or as the bound on the cost allows."""
    asked = trial.suggest_int("chains", 1, _MOST_CHAINS, log=True)
    affordable = LARGEST_COST * T // cost(kind(**point).schedule()).nfe
    return point | {"chains": max(1, min(asked, affordable))}
