"""The search's Optuna study: opened in its own storage, and searched by Ray Tune through a searcher.

Ray's own OptunaSearch leaves a trial without finite results running for ever, tells failed trials
with a result as complete, and repeats its suggestions when a study is resumed with the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from platform.pipeline.objectives import USUAL_OBJECTIVES, Objectives
from platform.pipeline.samplers import sampler_of
from platform.pipeline.stored_study import forget, open_stored, read_stored
from platform.pipeline.trial_log import TrialLog
from platform.planning.proposals import proposed_point
from platform.planning.setup import Setup
from platform.planning.study_names import POINT, RECORDS, STOPPED
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search import Searcher

import search_spaces
from dashboards.pareto import Reference, front, hypervolume
from trainables.core.noise import seed_of
from trainables.evaluation.race import COST, RACE, RIVALS, SEEDS, SEEN, STOPPED_BY, TOTAL
from trainables.scoring.metric_names import ACCURACY

_FAILURE = "failure"
_AGAIN = "tried_again"


def open_study(setup: Setup) -> optuna.Study:
    """The sweep's study, to be searched: a new one, or that of earlier runs, put in order.

    Trials that a killed run left running are told as failed and queued again, as are those that failed and
    that it had no time to try once more. The paper's point is
    the first of all; what a diagnosis proposes comes next, once. The sampler's seed moves on with the
    number of trials, so that a resumed search does not repeat itself.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if setup.plan.fresh:
        forget(setup.stored)
    study = open_stored(setup.stored, _name(setup))
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params, skip_if_exists=False)
    try_again(study, _untried(study))
    if not study.get_trials(deepcopy=False):
        space = search_spaces.load(setup.plan.strategy)
        paper = space.paper_point(setup.task.recipe.T, setup.facts.kind)
        study.enqueue_trial(paper, user_attrs={"role": "paper"})
    proposal = proposed_point(setup)
    if proposal is not None:
        study.enqueue_trial(proposal, user_attrs={"role": "diagnosis"}, skip_if_exists=True)
    seed = seed_of("search", setup.plan.seed, len(study.get_trials(deepcopy=False))) % 2**32
    study.sampler = sampler_of(setup.plan.sampler, seed)
    return study


def earlier_study(setup: Setup) -> optuna.Study | None:
    """The sweep's study as earlier runs left it, to be read; None where there is none, or it is to be
    forgotten.
    """
    return None if setup.plan.fresh else read_stored(setup.stored, _name(setup))


def _name(setup: Setup) -> str:
    """The study's name in its storage."""
    plan = setup.plan
    return f"{plan.dataset}/{plan.corruption}/{plan.strategy}/{setup.sweep_id}"


def complete(study: optuna.Study) -> list[FrozenTrial]:
    """The study's complete trials, in order."""
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def stopped(study: optuna.Study) -> list[FrozenTrial]:
    """The study's trials whose races were stopped, in order: Optuna has them as pruned."""
    return study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))


def counted_trials(study: optuna.Study) -> int:
    """How many trials count among those that were asked for: complete ones, and those whose races were
    stopped, of whose points it is known that they are not on the front.
    """
    return len(complete(study)) + len(stopped(study))


def within_bounds(study: optuna.Study) -> list[FrozenTrial]:
    """The complete trials that keep to the bounds of the search; all of them where there are no bounds."""
    return [
        trial
        for trial in complete(study)
        if all(value <= 0 for value in trial.constraints.values())
    ]


def hypervolume_of(study: optuna.Study, reference: Reference) -> float:
    """The hypervolume of the front of a study's complete trials that keep to the bounds of the search."""
    return hypervolume([accuracy_and_cost(trial) for trial in within_bounds(study)], reference)


def try_again(study: optuna.Study, numbers: Iterable[int]) -> None:
    """Let the points of these trials be the next that the study suggests."""
    trials = study.get_trials(deepcopy=False)
    for number in numbers:
        attributes = {_AGAIN: number}
        study.enqueue_trial(trials[number].params, user_attrs=attributes, skip_if_exists=False)


def failed_once(study: optuna.Study, numbers: Iterable[int]) -> list[int]:
    """Those of these failed trials whose points have not been tried again."""
    trials = study.get_trials(deepcopy=False)
    return [number for number in numbers if _AGAIN not in trials[number].user_attrs]


def _untried(study: optuna.Study) -> list[int]:
    """Numbers of the trials that have failed and were not tried once more."""
    trials = study.get_trials(deepcopy=False)
    again = {trial.user_attrs.get(_AGAIN) for trial in trials}
    return [
        trial.number
        for trial in trials
        if _FAILURE in trial.user_attrs
        and _AGAIN not in trial.user_attrs
        and trial.number not in again
    ]


def accuracy_and_cost(trial: FrozenTrial) -> tuple[float, float]:
    """The two values of a complete trial."""
    return trial.values[0], trial.values[1]


class StudySearcher(Searcher):
    """Ray Tune's way to the study: suggests by `study.ask`, completes by `study.tell`.

    Args:
        study: the study that is searched.
        log: where trials that end are logged too.
        strategy: whose space is searched.
        T: the number of noise levels.
        kind: what the signals are, "image" or "speech".
        objectives: what is searched for, and within which bounds.
        settled: whether `settled` is a parameter of the space.
        racing: whether trials race against the front of those that are complete.
    """

    def __init__(
        self,
        study: optuna.Study,
        log: TrialLog,
        strategy: str,
        T: int,
        kind: str = "image",
        objectives: Objectives = USUAL_OBJECTIVES,
        settled: bool = False,
        racing: bool = False,
    ) -> None:
        super().__init__(metric=ACCURACY, mode="max")
        self._objectives, self._racing = objectives, racing
        self._log = log
        self._study, self._T, self._kind = study, T, kind
        self._suggest = search_spaces.suggest_of(strategy, settled)
        self._trials: dict[str, optuna.Trial] = {}
        self.failures: dict[int, str] = {}

    def suggest(self, trial_id: str) -> dict[str, Any]:
        trial = self._study.ask()
        self._trials[trial_id] = trial
        point = self._suggest(trial, self._T, self._kind)
        trial.set_user_attr(POINT, point)
        return {**point, **self._race()}

    def _race(self) -> dict[str, Any]:
        """What a trial is told of its race: the front of the complete trials, its rivals; nothing where there
        is no race, or nobody to race against yet.
        """
        trials = complete(self._study) if self._racing else []
        if not trials:
            return {}
        on_front = [trials[i] for i in front([accuracy_and_cost(trial) for trial in trials])]
        rivals = [
            (trial.number, accuracy_and_cost(trial)[1], trial.user_attrs[RECORDS])
            for trial in on_front
        ]
        return {RACE: {COST: self._objectives.cost.name, RIVALS: rivals}}

    def number(self, trial_id: str) -> int:
        """The study's number of a Tune trial."""
        return self._trials[trial_id].number

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        trial = self._trials[trial_id]
        names = ACCURACY, self._objectives.cost.name
        reported = [] if result is None else [result.get(name) for name in names]
        values = [v for v in reported if isinstance(v, int | float) and math.isfinite(v)]
        if error or result is None or len(values) < 2:
            reason = "the trial raised" if error else f"its results are {reported}"
            trial.set_user_attr(_FAILURE, reason)
            self.failures[trial.number] = reason
            ended = self._study.tell(trial, state=TrialState.FAIL)
        elif STOPPED_BY in result:
            keys = *names, STOPPED_BY, SEEN, TOTAL, SEEDS
            trial.set_user_attr(STOPPED, {key: result[key] for key in keys})
            # What was seen is no accuracy of the whole: Optuna is told that the point is bad, not how bad.
            ended = self._study.tell(trial, state=TrialState.PRUNED)
        else:
            trial.set_user_attr(RECORDS, result[RECORDS].split(","))
            for name, value in self._objectives.constraints(*values).items():
                trial.set_constraint(name, value)
            ended = self._study.tell(trial, values)
        self._log.add(ended)

    def save(self, checkpoint_path: str) -> None:
        """Save no state: the study keeps its own."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore no state: the study has kept its own."""
