"""The space of a cascade: what answers first, how far that answer must lead, the space of the dear half."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

import optuna

from search_spaces._ranges import Point, calls, most_calls, steps
from trainables.strategies import CHEAP, CascadeParameters

THRESHOLDS = (0.5, 16.0)
"""From a lead that nearly every cheap answer has to one that next to none has, in raw logits."""

_JOINED_THRESHOLD = 4.0  # odds of 55 to 1


def joined(cheap: Mapping[str, object], dear: Mapping[str, object]) -> dict[str, object]:
    """The cascade of a point of `card`, of which one chain answers first, and a point of the dear half."""
    names = ("steps", "eta", "temperature")
    first = {f"cheap_{name}": cheap[name] for name in names if name in cheap}
    return {**dear, "cheap": "card", "threshold": _JOINED_THRESHOLD, **first}


def paper_point(dear: ModuleType, T: int, kind: str) -> Point:
    """The paper's point of the dear half, whose space this is of, for all samples but those that the
    classifier is surest of; it is not in the paper.
    """
    point: Point = dear.paper_point(T, kind)
    return point | {"cheap": "noisy", "threshold": THRESHOLDS[1]}


def suggest(
    parameters: type[CascadeParameters], dear: ModuleType, trial: optuna.Trial, T: int, kind: str
) -> Point:
    """Ask the trial for a point: the cheap half, the threshold, the dear half, of a space. It has as many
    chains as the bound on the cost allows; where it allows nothing beside one of them, the classifier
    answers first.
    """
    cheap: str = trial.suggest_categorical("cheap", CHEAP)
    first: Point = {
        "cheap": cheap,
        "threshold": trial.suggest_float("threshold", *THRESHOLDS, log=True),
    }
    if cheap == "card":
        first["cheap_steps"] = steps(trial, "cheap_steps", T)
        first |= {"cheap_eta": trial.suggest_float("cheap_eta", 0.0, 1.0, step=0.25)}
        if first["cheap_eta"]:
            cold = trial.suggest_float("cheap_temperature", 0.0, 1.0, step=0.25)
            first["cheap_temperature"] = cold
    second: Point = dear.suggest(trial, T, kind)
    affordable = most_calls(T, kind) // calls(parameters, second | first | {"chains": 1})
    if not affordable:
        first = {"cheap": "noisy", "threshold": first["threshold"]}
    return second | first | {"chains": max(1, min(int(second["chains"]), affordable))}
