"""The space of `didicm-cl`: the number of steps, how one is drawn, and the number of chains."""

from __future__ import annotations

from typing import get_args

import optuna

from search_spaces._ranges import Point, most_calls
from trainables.diffusion.label_choices import LabelPredictor

_MOST_STEPS = 16
_MOST_CHAINS = 64


def paper_point(T: int, kind: str = "image") -> Point:
    """The point of Belhasin et al. (2026): 2 steps of 16 chains, 32 calls."""
    return {"steps": 2, "label_chains": 16, "predictor": "euler"}


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> Point:
    """Ask the trial for a point: as many chains as it suggests, or as the bound on the cost allows. Times of
    labels are continuous: T bounds what a point may cost alone.
    """
    most = most_calls(T, kind)
    steps = trial.suggest_int("steps", 1, min(_MOST_STEPS, most), log=True)
    suggestion = trial.suggest_int("label_chains", 1, _MOST_CHAINS, log=True)
    predictor: str = trial.suggest_categorical("predictor", get_args(LabelPredictor))
    return {
        "steps": steps,
        "label_chains": max(1, min(suggestion, most // steps)),
        "predictor": predictor,
    }
