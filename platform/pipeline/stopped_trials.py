"""Trials whose races were stopped: what is known of them, and what they saved. None of it is a result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from platform.pipeline.study import complete, stopped
from platform.planning.study_names import POINT, STOPPED
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from trainables.evaluation.race import ERROR, SEEDS, SEEN, STOPPED_BY, TOTAL


@dataclass(frozen=True)
class Savings:
    """What racing saved a search.

    Args:
        stopped: trials whose races were stopped.
        trials: these and the complete ones.
        samples: samplings that were not made, a sample at each seed being one.
        all_samples: samplings of all trials' points, had each been measured whole; 0 where none was stopped.
    """

    stopped: int
    trials: int
    samples: int
    all_samples: int

    @property
    def text(self) -> str:
        """It in words."""
        if not self.stopped:
            return f"none of {self.trials} trials was stopped early"
        verb = "was" if self.stopped == 1 else "were"
        return (
            f"{self.stopped} of {self.trials} trials {verb} stopped early, beaten by another that costs "
            f"no more (error at most {100 * ERROR:g} %); {self.samples} of {self.all_samples} samplings were "
            "saved"
        )


def why_stopped(trial: FrozenTrial) -> str:
    """Why a trial was stopped, and when."""
    race = trial.user_attrs[STOPPED]
    return f"beaten by trial {race[STOPPED_BY]} after {race[SEEN]} of {race[TOTAL]} samples"


def savings(study: optuna.Study) -> Savings:
    """What racing saved a search. A point that was asked for several times counts once, as far as it got: it
    would have been measured once.
    """
    whole = {_text(trial) for trial in complete(study)}
    races = {
        text: trial.user_attrs[STOPPED] for text, trial in _furthest(study) if text not in whole
    }
    saved = sum((race[TOTAL] - race[SEEN]) * race[SEEDS] for race in races.values())
    sizes = [race[TOTAL] * race[SEEDS] for race in races.values()]
    size = sizes[0] if sizes else 0
    return Savings(
        len(stopped(study)),
        len(stopped(study)) + len(complete(study)),
        saved,
        size * (len(whole) + len(races)),
    )


def races_as_json(study: optuna.Study) -> dict[str, Any]:
    """The stopped trials and what they saved, for scripts."""
    saved = savings(study)
    return {
        "stopped": [
            {"trial": trial.number, **_counts(trial.user_attrs[STOPPED])}
            for trial in stopped(study)
        ],
        "samplings_saved": saved.samples,
        "samplings_of_all": saved.all_samples,
    }


def _furthest(study: optuna.Study) -> Sequence[tuple[str, FrozenTrial]]:
    """The stopped trials with their points in words, those that got furthest last."""
    trials = sorted(stopped(study), key=lambda trial: trial.user_attrs[STOPPED][SEEN])
    return [(_text(trial), trial) for trial in trials]


def _text(trial: FrozenTrial) -> str:
    return json.dumps(trial.user_attrs[POINT], sort_keys=True)


def _counts(race: Mapping[str, Any]) -> dict[str, Any]:
    return {key: race[key] for key in (STOPPED_BY, SEEN, TOTAL)}
