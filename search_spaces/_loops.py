"""The spaces of the simplest strategies: one whole trajectory, or one of each process."""

from __future__ import annotations

from typing import Any

import optuna

from search_spaces._ranges import any_sampler, as_point, sampler, steps, with_chains
from trainables.sampling.moves import cost
from trainables.strategies import OneLoop, TwoLoops


def one_paper_point(parameters: type[OneLoop], T: int, kind: str) -> dict[str, Any]:
    """D.4 and E.5: all T steps."""
    return as_point(parameters(steps=T, **sampler(kind)), kind)


def suggest_one(
    parameters: type[OneLoop], trial: optuna.Trial, T: int, kind: str
) -> dict[str, Any]:
    """A point."""
    point = {"steps": steps(trial, "steps", T), **any_sampler(trial, kind)}
    return with_chains(trial, parameters, point, T, kind)


def one_grid(parameters: type[OneLoop], T: int, kind: str) -> list[dict[str, Any]]:
    """Steps in equal ratios up to T, DDIM and DDPM, for speech the paper's sampler too; one chain, or
    four where four cost no more than the paper's point.
    """
    counts = sorted({min(T, round(T ** (i / 6))) for i in range(7)})
    samplers: list[dict[str, Any]] = [{"eta": 0.0}, {"eta": 1.0}]
    if kind == "speech":
        samplers.append(sampler(kind))
    most = cost(parameters(**one_paper_point(parameters, T, kind)).schedule()).nfe
    points = [
        parameters(steps=count, chains=chains, **chosen)
        for count in counts
        for chosen in samplers
        for chains in (1, 4)
    ]
    return [
        as_point(point, kind)
        for point in points
        if point.chains == 1 or cost(point.schedule()).nfe <= most
    ]


def two_paper_point(parameters: type[TwoLoops], T: int, kind: str) -> dict[str, Any]:
    """Not in the paper; sampled as the paper samples everything (D.4, E.5): all T steps."""
    return as_point(parameters(signal_steps=T, logit_steps=T, **sampler(kind)), kind)


def suggest_two(
    parameters: type[TwoLoops], trial: optuna.Trial, T: int, kind: str
) -> dict[str, Any]:
    """A point."""
    point = {
        "signal_steps": steps(trial, "signal_steps", T),
        "logit_steps": steps(trial, "logit_steps", T),
        **any_sampler(trial, kind),
    }
    return with_chains(trial, parameters, point, T, kind)
