"""The space of `cascade`: what answers first, how far that answer must lead, and the space of `enhanced`."""

from __future__ import annotations

from collections.abc import Mapping

import optuna

from search_spaces._ranges import Point, point_of, sampler, steps, suggest_sampler, with_chains
from trainables.strategies.cascade import CHEAP, Parameters

THRESHOLDS = (0.5, 16.0)
"""From a lead that nearly every cheap answer has to one that next to none has, in raw logits."""

HALVES = ("card", "enhanced")
"""The strategies whose confirmed fronts a search may begin with, the cheap half's and the dear half's."""
_JOINED_THRESHOLD = 4.0  # odds of 55 to 1


def joined(cheap: Mapping[str, object], dear: Mapping[str, object]) -> dict[str, object]:
    """The cascade of a point of `card`, of which one chain answers first, and a point of `enhanced`."""
    names = ("steps", "eta", "temperature")
    first = {f"cheap_{name}": cheap[name] for name in names if name in cheap}
    return {**dear, "cheap": "card", "threshold": _JOINED_THRESHOLD, **first}


def paper_point(T: int, kind: str = "image") -> Point:
    """`enhanced` at the paper's point (D.4, E.5) for all samples but those that the classifier is surest of;
    it is not in the paper.
    """
    values: Point = {"steps": T, **sampler(kind), "cheap": "noisy", "threshold": THRESHOLDS[1]}
    point = point_of(Parameters, values, kind)
    return {name: value for name, value in point.items() if not name.startswith("cheap_")}


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point: the cheap half, the threshold, the dear half."""
    cheap: str = trial.suggest_categorical("cheap", CHEAP)
    point: Point = {
        "cheap": cheap,
        "threshold": trial.suggest_float("threshold", *THRESHOLDS, log=True),
    }
    if cheap == "card":
        point["cheap_steps"] = steps(trial, "cheap_steps", T)
        point |= {"cheap_eta": trial.suggest_float("cheap_eta", 0.0, 1.0, step=0.25)}
        if point["cheap_eta"]:
            cold = trial.suggest_float("cheap_temperature", 0.0, 1.0, step=0.25)
            point["cheap_temperature"] = cold
    point |= {"steps": steps(trial, "steps", T), **suggest_sampler(trial, kind)}
    return with_chains(trial, Parameters, point, T, kind)
