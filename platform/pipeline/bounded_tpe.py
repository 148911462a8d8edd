"""Optuna's tree-structured Parzen estimator for searches of any length: beyond some thousand trials it is
shown the front of all and the latest ones, so that a point costs no more time as a search goes on.

What it asks for is a model of the few best trials beside a model of the others. The former are on the front
or near it; of the latter thousands of old ones say what thousands of new ones do.
"""

from __future__ import annotations

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
        self._most, self._cut = most, 0
        self._front: list[FrozenTrial] = []  # of the complete trials before the cut

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
        """The study with those of its trials that the estimator is shown when it is asked for this one."""
        cut = first_shown(trial.number, self._most)
        if cut == 0:
            return study
        if cut != self._cut:
            states = (TrialState.COMPLETE,)
            older = study.get_trials(deepcopy=False, states=states)
            self._cut, self._front = cut, front_before(older, cut)
        return cast(Study, _Shown(study, self._front, cut))


class _Shown:
    """A study of which some trials are shown; all else is the study's.

    Args:
        study: the study.
        kept: what is shown of the trials before `cut`, all of them complete.
        cut: the number from which on all trials are shown.
    """

    def __init__(self, study: Study, kept: Sequence[FrozenTrial], cut: int) -> None:
        self._study, self._kept, self._cut = study, kept, cut

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        """As a study's method of this name, by which Optuna's samplers read trials."""
        latest = self._study._get_trials(deepcopy, states, use_cache)
        kept = self._kept if states is None or TrialState.COMPLETE in states else ()
        return [*kept, *(trial for trial in latest if trial.number >= self._cut)]


def first_shown(number: int, most: int) -> int:
    """The number of the first of the latest trials that are shown to ask for a trial of this number."""
    return 0 if number <= most else (number - most) // _STRIDE * _STRIDE


def front_before(trials: Sequence[FrozenTrial], cut: int) -> list[FrozenTrial]:
    """The front, by accuracy and cost, of those of complete trials whose numbers are below `cut`."""
    older = [trial for trial in trials if trial.number < cut]
    return [older[i] for i in front([(trial.values[0], trial.values[1]) for trial in older])]
