"""Ranges that the spaces share, the sampler of each kind of signal, and the one bound on what a point may
cost.
"""

from __future__ import annotations

from typing import TypeAlias

import optuna

from trainables.core.config import from_mapping, identity
from trainables.core.errors import check_choice
from trainables.sampling.cost import cost
from trainables.strategies import ANSWERS, PREDICTORS, ChainParameters

Point: TypeAlias = dict[str, int | float | str]
"""A strategy's sampling parameters by their names."""

KINDS = ("image", "speech")
"""Kinds of signal: each has a setting of the paper, images in D.4, speech in E.5."""

_CORRECTIONS = {"image": 0, "speech": 1}
"""E.5: a Langevin correction before each step, of signal and logits."""

IMAGE_SAMPLER: Point = {"eta": 0.0}
"""D.4: DDIM."""

SPEECH_SAMPLER: Point = {
    "eta": 1.0, "predictor": "reverse-diffusion", "corrections": _CORRECTIONS["speech"],
}  # fmt: skip
"""E.5: reverse diffusion, with a correction before each step."""

_PAPER_ANSWER = {"image": "y", "speech": "x"}
"""Images are classified by the sampled logits; of speech the enhanced recording is transcribed (E.3)."""

_LARGEST_COST = 10
_MOST_CHAINS = 8


def most_calls(T: int, kind: str) -> int:
    """The denoiser calls that no point has more of: the dearest of the paper's, alternating, has ten
    trajectories of T steps, each with a correction where it is speech.

    Raises:
        UsageError: the kind of signal is unknown.
    """
    check_choice("the kind of signal", kind, KINDS)
    return _LARGEST_COST * T * (1 + _CORRECTIONS[kind])


def sampler(kind: str) -> Point:
    """The paper's sampling parameters that all strategies share.

    Raises:
        UsageError: the kind of signal is unknown.
    """
    check_choice("the kind of signal", kind, KINDS)
    return dict(SPEECH_SAMPLER if kind == "speech" else IMAGE_SAMPLER)


def coupled_sampler(kind: str) -> Point:
    """The paper's sampling parameters that all strategies share which sample signal and logits together: the
    sampler, and which process answers.

    Raises:
        UsageError: the kind of signal is unknown.
    """
    return sampler(kind) | {"answer": _PAPER_ANSWER[kind]}


def point_of(parameters: type[ChainParameters], values: Point, kind: str) -> Point:
    """All parameters of a strategy's class, the others at their defaults; for an image without those that
    only speech has, and without `settled` where no chain ends early.

    Raises:
        UsageError: a value is unknown, missing, or out of range.
    """
    only_speech = () if kind == "speech" else set(SPEECH_SAMPLER) - set(IMAGE_SAMPLER)
    mapping = identity(from_mapping(parameters, values))
    return {name: value for name, value in mapping.items() if name not in only_speech}


def calls(parameters: type[ChainParameters], point: Point) -> int:
    """The denoiser calls that a point of a strategy's class costs."""
    return cost(from_mapping(parameters, point).schedule()).nfe


def steps(trial: optuna.Trial, name: str, T: int) -> int:
    """A step count from 1 to T, small ones as likely as large ones."""
    return trial.suggest_int(name, 1, T, log=True)


def suggest_sampler(trial: optuna.Trial, kind: str) -> Point:
    """Ask the trial for the sampler: from DDIM to DDPM in quarters (finer makes no difference that could
    be measured, and points with the same eta share trajectories), and how much of the noise is injected
    where there is any; for speech by either predictor, and with a correction or none.
    """
    check_choice("the kind of signal", kind, KINDS)
    eta = trial.suggest_float("eta", 0.0, 1.0, step=0.25)
    options: Point = {"eta": eta, "temperature": 1.0}
    if eta > 0:
        options["temperature"] = trial.suggest_float("temperature", 0.0, 1.0, step=0.25)
    if kind == "speech":
        options["predictor"] = trial.suggest_categorical("predictor", PREDICTORS)
        options["corrections"] = trial.suggest_int("corrections", 0, _CORRECTIONS[kind])
    return options


def suggest_coupled_sampler(trial: optuna.Trial, kind: str) -> Point:
    """Ask the trial for the sampler of a strategy that samples signal and logits together, and for what
    answers.
    """
    answer: str = trial.suggest_categorical("answer", ANSWERS)
    return suggest_sampler(trial, kind) | {"answer": answer}


def with_chains(
    trial: optuna.Trial, parameters: type[ChainParameters], point: Point, T: int, kind: str
) -> Point:
    """The point with 1 to 8 chains: as many as the trial suggests, or as the bound on the cost allows."""
    suggestion = trial.suggest_int("chains", 1, _MOST_CHAINS, log=True)
    affordable = most_calls(T, kind) // calls(parameters, point)
    return point | {"chains": max(1, min(suggestion, affordable))}
