"""The spaces of the simplest strategies: one whole trajectory, or one of each process."""

from __future__ import annotations

import optuna

from search_spaces._ranges import (
    Point,
    calls,
    point_of,
    sampler,
    steps,
    suggest_sampler,
    with_chains,
)
from trainables.strategies import OneLoop, TwoLoops


def one_loop_paper_point(parameters: type[OneLoop], T: int, kind: str) -> Point:
    """The paper's point, all T steps (D.4, E.5)."""
    return point_of(parameters, {"steps": T, **sampler(kind)}, kind)


def suggest_one_loop(parameters: type[OneLoop], trial: optuna.Trial, T: int, kind: str) -> Point:
    """Ask the trial for a point: the steps, the sampler, the chains."""
    point: Point = {"steps": steps(trial, "steps", T), **suggest_sampler(trial, kind)}
    return with_chains(trial, parameters, point, T, kind)


def one_loop_grid(parameters: type[OneLoop], T: int, kind: str) -> list[Point]:
    """Points with steps in equal ratios up to T, by DDIM, by DDPM and by the means of DDPM's steps, for
    speech by the paper's sampler too; with one chain, or with four where four cost no more than the
    paper's point.
    """
    counts = sorted({min(T, round(T ** (i / 6))) for i in range(7)})
    samplers: list[Point] = [{"eta": 0.0}, {"eta": 1.0}, {"eta": 1.0, "temperature": 0.0}]
    if kind == "speech":
        samplers.append(sampler(kind))
    most = calls(parameters, one_loop_paper_point(parameters, T, kind))
    points = [
        point_of(parameters, {"steps": count, "chains": chains, **options}, kind)
        for count in counts
        for options in samplers
        for chains in (1, 4)
    ]
    return [p for p in points if p["chains"] == 1 or calls(parameters, p) <= most]


def two_loop_paper_point(parameters: type[TwoLoops], T: int, kind: str) -> Point:
    """The point with all T steps, as the paper samples everything (D.4, E.5); it is not in the paper."""
    return point_of(parameters, {"signal_steps": T, "logit_steps": T, **sampler(kind)}, kind)


def suggest_two_loops(parameters: type[TwoLoops], trial: optuna.Trial, T: int, kind: str) -> Point:
    """Ask the trial for a point: both step counts, the sampler, the chains."""
    point: Point = {
        "signal_steps": steps(trial, "signal_steps", T),
        "logit_steps": steps(trial, "logit_steps", T),
        **suggest_sampler(trial, kind),
    }
    return with_chains(trial, parameters, point, T, kind)
