"""Optuna's tree-structured Parzen estimator for searches of any length: beyond some thousand trials it is
shown the front of all and the latest ones, so that a point costs no more time as a search goes on.

What it asks for is a model of the few best trials beside a model of the others. The former are on the front
or near it; of the latter thousands of old ones say what thousands of new ones do.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from typing import Any, cast

from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from dashboards.pareto import front

MOST_TRIALS = 2000
"""Trials up to which all are shown: more than a preset's search has."""
_STRIDE = 250
"""Trials by which the oldest that is shown moves on: the front of those before it is found anew then."""


class BoundedTPE(TPESampler):
    """The estimator, which is Optuna's own to the bit up to `most` trials.

    Args:
        most: how many of the latest trials it is shown at least, beside the front.
        options: those of `TPESampler`.
    """

    def __init__(self, most: int = MOST_TRIALS, **options: Any) -> None:
        super().__init__(**options)
        self._most, self._cut, self._asked = most, 0, -1
        self._front: list[FrozenTrial] = []  # of the trials before the cut
        self._seen: list[FrozenTrial] = []  # what is shown for the trial that was asked for last

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return super().infer_relative_search_space(self._shown(study, trial), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return super().sample_relative(self._shown(study, trial), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        shown = self._shown(study, trial)
        return super().sample_independent(shown, trial, param_name, param_distribution)

    def _shown(self, study: Study, trial: FrozenTrial) -> Study:
        """The study with those of its trials that the estimator is shown when it is asked for this one. They
        are read once a trial: reading goes through all of them.
        """
        cut = first_shown(trial.number, self._most)
        if cut == 0:
            return study
        if self._asked != trial.number:
            trials = study.get_trials(deepcopy=False)
            if cut != self._cut:
                self._cut, self._front = cut, front_before(trials, cut)
            self._asked, self._seen = trial.number, [*self._front, *trials[cut:]]
        return cast(Study, _Shown(study, self._seen))


class _Shown:
    """A study of which some trials are shown; all else is the study's.

    Args:
        study: the study.
        trials: those that are shown.
    """

    def __init__(self, study: Study, trials: Sequence[FrozenTrial]) -> None:
        self._study, self._trials = study, trials

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        """As a study's method of this name, by which Optuna's samplers read trials."""
        shown = [trial for trial in self._trials if states is None or trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown


def first_shown(number: int, most: int) -> int:
    """The number of the first of the latest trials that are shown to ask for a trial of this number."""
    return 0 if number <= most else (number - most) // _STRIDE * _STRIDE


def front_before(trials: Sequence[FrozenTrial], cut: int) -> list[FrozenTrial]:
    """The front, by accuracy and cost, of the complete ones among a study's trials before `cut`."""
    older = [trial for trial in trials[:cut] if trial.state is TrialState.COMPLETE]
    return [older[i] for i in front([(trial.values[0], trial.values[1]) for trial in older])]
