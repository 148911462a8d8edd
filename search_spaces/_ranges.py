"""Ranges that the spaces share, the sampler of each kind of signal, and the one bound on what a point may
cost.
"""

from __future__ import annotations

from typing import Any

import optuna

from trainables.core.config import as_mapping
from trainables.core.errors import check_choice
from trainables.sampling.moves import cost
from trainables.strategies import PREDICTORS, ChainParameters

KINDS = ("image", "speech")
"""Kinds of signal: each has a setting of the paper, images in D.4, speech in E.5."""

IMAGE_SAMPLER: dict[str, Any] = {"eta": 0.0}
"""D.4: DDIM."""

SPEECH_SAMPLER: dict[str, Any] = {"eta": 1.0, "predictor": "reverse-diffusion", "corrections": 1}
"""E.5: reverse diffusion, a Langevin correction before each step of it, of signal and logits."""

_LARGEST_COST = 10
_MOST_CHAINS = 8


def most_calls(T: int, kind: str) -> int:
    """The denoiser calls that no point has more of: the dearest of the paper's, alternating, has ten
    trajectories of T steps, each with a correction where it is speech.
    """
    value: int = _LARGEST_COST * T * (1 + sampler(kind).get("corrections", 0))
    return value


def sampler(kind: str) -> dict[str, Any]:
    """The paper's sampling parameters that are not a strategy's own.

    Raises:
        UsageError: the kind of signal is unknown.
    """
    check_choice("the kind of signal", kind, KINDS)
    return dict(SPEECH_SAMPLER if kind == "speech" else IMAGE_SAMPLER)


def as_point(parameters: ChainParameters, kind: str) -> dict[str, Any]:
    """The parameters as a mapping; without those that only speech has where it is an image."""
    only_speech = () if kind == "speech" else set(SPEECH_SAMPLER) - set(IMAGE_SAMPLER)
    values = as_mapping(parameters)
    return {name: value for name, value in values.items() if name not in only_speech}


def steps(trial: optuna.Trial, name: str, T: int) -> int:
    """A step count from 1 to T, small ones as likely as large ones."""
    return trial.suggest_int(name, 1, T, log=True)


def any_sampler(trial: optuna.Trial, kind: str) -> dict[str, Any]:
    """From DDIM to DDPM in quarters (finer makes no difference that could be measured, and points with
    the same eta share trajectories); for speech by either predictor, and with a correction or none.
    """
    check_choice("the kind of signal", kind, KINDS)
    asked: dict[str, Any] = {"eta": trial.suggest_float("eta", 0.0, 1.0, step=0.25)}
    if kind == "speech":
        asked["predictor"] = trial.suggest_categorical("predictor", PREDICTORS)
        asked["corrections"] = trial.suggest_int("corrections", 0, SPEECH_SAMPLER["corrections"])
    return asked


def with_chains(
    trial: optuna.Trial, parameters: type[ChainParameters], point: dict[str, Any], T: int, kind: str
) -> dict[str, Any]:
    """The point with 1 to 8 chains: as many as are asked for, or as the bound on the cost allows."""
    asked = trial.suggest_int("chains", 1, _MOST_CHAINS, log=True)
    affordable = most_calls(T, kind) // cost(parameters(**point).schedule()).nfe
    return point | {"chains": max(1, min(asked, affordable))}
