"""The space of `didicm-cp`: the number of steps, how one is made, and the label whose score it asks for."""

from __future__ import annotations

from typing import get_args

import optuna

from search_spaces._ranges import Point, most_calls
from trainables.diffusion.label_choices import LabelChoice, ProbabilityPredictor

_MOST_STEPS = 32


def paper_point(T: int, kind: str = "image") -> Point:
    """The point of Belhasin et al. (2026): 8 steps, the score of the least probable label."""
    return {"steps": 8, "predictor": "euler", "choice": "argmin"}


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point. Times of labels are continuous: T bounds what a point may cost alone."""
    most = min(_MOST_STEPS, most_calls(T, kind))
    return {
        "steps": trial.suggest_int("steps", 1, most, log=True),
        "predictor": trial.suggest_categorical("predictor", get_args(ProbabilityPredictor)),
        "choice": trial.suggest_categorical("choice", get_args(LabelChoice)),
    }
