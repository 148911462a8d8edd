"""The search's Optuna study: opened in its own storage, and read."""

from __future__ import annotations

from collections.abc import Iterable
from platform.pipeline.database_study import open_in_database, read_in_database
from platform.pipeline.samplers import sampler_of
from platform.pipeline.stored_study import forget, open_stored, read_stored
from platform.planning.proposals import proposed_point
from platform.planning.setup import Setup

import optuna
from optuna.trial import FrozenTrial, TrialState

import search_spaces
from dashboards.pareto import Reference, hypervolume
from trainables.core.noise import seed_of

FAILURE = "failure"
"""The attribute of a failed trial that says why it failed."""
_AGAIN = "tried_again"


def open_study(setup: Setup) -> optuna.Study:
    """The sweep's study, to be searched: a new one, or that of earlier runs, put in order.

    Trials that a killed run left running are told as failed and queued again, as are those that failed and
    that it had no time to try once more. The paper's point is the first of all; what a diagnosis proposes
    comes next, once. The sampler's seed moves on with the number of trials, so that a resumed search does not
    repeat itself.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if setup.plan.fresh:
        forget(setup.stored)
    uri = setup.plan.study_uri
    if uri:
        study = open_in_database(setup.stored, _name(setup), uri)
    else:
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
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if setup.plan.fresh:
        return None
    if setup.plan.study_uri:
        return read_in_database(setup.stored, _name(setup), setup.plan.study_uri)
    return read_stored(setup.stored, _name(setup))


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
    return [trial for trial in complete(study) if is_within_bounds(trial)]


def is_within_bounds(trial: FrozenTrial) -> bool:
    """Whether a complete trial keeps to the bounds of the search; any does where there are none."""
    return all(value <= 0 for value in trial.constraints.values())


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
        if FAILURE in trial.user_attrs
        and _AGAIN not in trial.user_attrs
        and trial.number not in again
    ]


def accuracy_and_cost(trial: FrozenTrial) -> tuple[float, float]:
    """The two values of a complete trial."""
    return trial.values[0], trial.values[1]
