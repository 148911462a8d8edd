"""The space of `guided`: steps, what guides, to what target, how strongly and when, the sampler, chains."""

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
from trainables.strategies.guided import TARGETS, Parameters

SCALES = (0.01, 10.0)
"""From where hardly anything is guided to the largest scale of Dhariwal and Nichol (2021)."""


def paper_point(T: int, kind: str = "image") -> Point:
    """The point of Dhariwal and Nichol's classifier guidance (2021): a noise-conditional classifier guides
    all T steps, at scale 1, where the guided score is that of Bayes' rule; the target is the logits' clean
    estimate. It is not in the paper, whose sampler and answer it has.
    """
    values: Point = {
        "steps": T,
        "guide": "noisy",
        "target": "y0_hat",
        "scale": 1.0,
        "guide_from": 0.0,
        "guide_to": 1.0,
        **coupled_sampler(kind),
    }
    return point_of(Parameters, values, kind)


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point. The range of guided steps is that between two fractions, in quarters. To the
    frozen classifier's own distribution the noise-conditional one guides, since the gradient of the frozen
    one's cross-entropy vanishes at its own output.
    """
    target = trial.suggest_categorical("target", TARGETS)
    own = target == "x0_hat"
    guide = "noisy" if own else trial.suggest_categorical("guide", ("frozen", "noisy"))
    ends = [trial.suggest_float(n, 0.0, 1.0, step=0.25) for n in ("guide_from", "guide_to")]
    point: Point = {
        "steps": steps(trial, "steps", T),
        "guide": guide,
        "target": target,
        "scale": trial.suggest_float("scale", *SCALES, log=True),
        "guide_from": min(ends),
        "guide_to": max(ends),
        **suggest_coupled_sampler(trial, kind),
    }
    return with_chains(trial, Parameters, point, T, kind)
