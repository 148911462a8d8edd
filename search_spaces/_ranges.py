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
    """From DDIM to DDPM."""
    return trial.suggest_float("eta", 0.0, 1.0)


def chains(trial: optuna.Trial, one_chain: Chained, T: int) -> int:
    """Chains from 1 to 8: as many as asked for, or as the bound on the cost allows."""
    asked = trial.suggest_int("chains", 1, _MOST_CHAINS, log=True)
    return max(1, min(asked, LARGEST_COST * T // cost(one_chain.schedule()).nfe))


def with_chains(
    trial: optuna.Trial, one_chain: Any, point: dict[str, Any], T: int
) -> dict[str, Any]:
    """The point with its number of chains."""
    return point | {"chains": chains(trial, one_chain(**point), T)}


def one_loop_grid(T: int) -> list[dict[str, Any]]:
    """The grid of a baseline of one loop: steps in equal ratios up to T, DDIM and DDPM, one chain or
    four where four cost no more than T.
    """
    counts = sorted({min(T, round(T ** (i / 6))) for i in range(7)})
    return [
        {"steps": count, "eta": eta, "chains": chains}
        for count in counts
        for eta in (0.0, 1.0)
        for chains in (1, 4)
        if chains == 1 or chains * count <= T
    ]
