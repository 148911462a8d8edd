"""The spaces of the simplest strategies: one whole trajectory, or one of each process."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import eta, steps, with_chains
from trainables.config import as_mapping
from trainables.strategies._loops import OneLoop, TwoLoops


def one_paper_point(kind: type[OneLoop], T: int) -> dict[str, Any]:
    """D.4: DDIM, all T steps."""
    return as_mapping(kind(steps=T, eta=0.0))


def suggest_one(kind: type[OneLoop], trial: optuna.Trial, T: int) -> dict[str, Any]:
    """A point."""
    return with_chains(trial, kind, {"steps": steps(trial, "steps", T), "eta": eta(trial)}, T)


def one_grid(kind: type[OneLoop], T: int) -> list[dict[str, Any]]:
    """Steps in equal ratios up to T, DDIM and DDPM, one chain, or four where four cost no more than T."""
    counts = sorted({min(T, round(T ** (i / 6))) for i in range(7)})
    return [
        as_mapping(kind(steps=count, eta=eta, chains=chains))
        for count in counts
        for eta in (0.0, 1.0)
        for chains in (1, 4)
        if chains == 1 or chains * count <= T
    ]


def two_paper_point(kind: type[TwoLoops], T: int) -> dict[str, Any]:
    """Not in the paper; sampled as the paper samples everything (D.4): DDIM, all T steps."""
    return as_mapping(kind(signal_steps=T, logit_steps=T, eta=0.0))


def suggest_two(kind: type[TwoLoops], trial: optuna.Trial, T: int) -> dict[str, Any]:
    """A point."""
    point = {
        "signal_steps": steps(trial, "signal_steps", T),
        "logit_steps": steps(trial, "logit_steps", T),
        "eta": eta(trial),
    }
    return with_chains(trial, kind, point, T)
