"""Step 3 of a sweep: the search, by Ray Tune over the study, told to MLflow trial by trial."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from platform.backend.allocation import Allocation
from platform.backend.cluster import Cluster
from platform.backend.tracking import Tracker
from platform.cli.console import Bar, Console
from platform.cli.interrupts import check, last_line
from platform.pipeline.study import (
    POINT,
    RECORDS,
    StudySearcher,
    accuracy_and_nfe,
    complete,
    open_study,
    try_again,
)
from platform.planning.plan import Plan
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from ray.tune import Callback

from dashboards.pareto import Reference, hypervolume
from dashboards.points import describe
from trainables.core.errors import UsageError
from trainables.evaluation.records import Measurement, RecordStore
from trainables.evaluation.summary import summary


class SearchFailed(RuntimeError):
    """Not one trial of the search is complete."""


@dataclass(frozen=True)
class SearchResult:
    """What a search left: its study, how many complete trials were asked for, and why trials of this
    run failed, by their numbers, where trying again did not help.
    """

    study: optuna.Study
    asked: int
    failures: Mapping[int, str]

    @property
    def shortfall(self) -> str:
        """How many trials are missing and why, each reason once; nothing where none is."""
        have = len(complete(self.study))
        if have >= self.asked:
            return ""
        reasons = "; ".join(dict.fromkeys(self.failures.values()))
        return f"{have} of {self.asked} trials are complete, {self.asked - have} failed twice: {reasons}"


def search(
    plan: Plan, cluster: Cluster, console: Console, tracker: Tracker, reference: Reference
) -> SearchResult:
    """Search until the study has as many complete trials as planned; points that fail are tried once
    more, those that fail again are left out.

    Raises:
        SearchFailed: no trial is complete.
    """
    study = open_study(plan)
    _catch_up(plan, study, tracker, reference)
    have = len(complete(study))
    if have:
        console.line(f"          {have} complete trials of earlier runs are kept")
    failures: Mapping[int, str] = {}
    if have < plan.trials:
        with console.bar("trials") as bar:
            given = cluster.allocation(plan)
            follower = _Follower(plan, study, tracker, bar, console, reference)
            _tune(plan, given, study, follower)
            if follower.failures:
                try_again(study, follower.failures)
                console.line(
                    f"          trying what failed once more: {len(follower.failures)} trials"
                )
                follower = _Follower(plan, study, tracker, bar, console, reference)
                _tune(plan, given, study, follower)
            failures = follower.failures
    searched = SearchResult(study, plan.trials, failures)
    if not complete(study):
        raise SearchFailed(f"no trial can be used: {searched.shortfall}")
    if searched.shortfall:
        console.line(f"          {searched.shortfall}")
    return searched


def measurements(store: RecordStore, keys: list[str]) -> list[Measurement]:
    """The measurements of these keys.

    Raises:
        UsageError: one is gone.
    """
    found = [store.get(key) for key in keys]
    if None in found:
        raise UsageError(
            f"records of a finished trial are gone from {store.root}: search with --fresh"
        )
    return [measurement for measurement in found if measurement is not None]


def _tune(plan: Plan, given: Allocation, study: optuna.Study, follower: _Follower) -> None:
    import logging

    from ray import tune
    from ray.tune.search import ConcurrencyLimiter

    from trainables.workers.trial import SamplingTrial

    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    searcher = StudySearcher(study, plan.strategy, plan.task.recipe.T, plan.facts.kind)
    follower.searcher = searcher
    left = plan.trials - len(complete(study))
    job = plan.job("validation", given.threads, gpu_share=given.gpu_share)
    resources = {"cpu": 1.0, **({"gpu": given.gpu_share} if given.on_gpus else {})}
    trainable = tune.with_resources(tune.with_parameters(SamplingTrial, job=job), resources)
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=ConcurrencyLimiter(searcher, given.actors),
            num_samples=left,
            max_concurrent_trials=None,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name=f"search-{int(time.time() * 1000)}",
            storage_path=str(plan.folder / "tune"),
            verbose=0,
            callbacks=[_Callback(follower)],
            failure_config=tune.FailureConfig(max_failures=0),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )
    tuner.fit()


class _Callback(Callback):
    """Passes the ends of trials on to a follower."""

    def __init__(self, follower: _Follower) -> None:
        self._follower = follower

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks for a resumption that we do not use."""
        return {}

    def on_trial_complete(self, iteration, trials, trial, **info):  # type: ignore[no-untyped-def]
        self._follower.ended(trial.trial_id, "")

    def on_trial_error(self, iteration, trials, trial, **info):  # type: ignore[no-untyped-def]
        error = Path(trial.error_file) if trial.error_file else None
        text = error.read_text() if error is not None and error.exists() else ""
        self._follower.ended(trial.trial_id, text)


class _Follower:
    """Follows a search: tells the console and MLflow of every trial as it ends, and keeps why trials
    failed, by their numbers.
    """

    searcher: StudySearcher

    def __init__(
        self,
        plan: Plan,
        study: optuna.Study,
        tracker: Tracker,
        bar: Bar,
        console: Console,
        reference: Reference,
    ) -> None:
        self._plan, self._study, self._tracker = plan, study, tracker
        self._bar, self._console, self._reference = bar, console, reference
        self.failures: dict[int, str] = {}

    def ended(self, trial_id: str, error: str) -> None:
        """A trial has ended, with the text of an error or none: record it, say how far one is."""
        check()
        number = self.searcher.number(trial_id)
        trial = self._study.get_trials(deepcopy=False)[number]
        point = trial.user_attrs[POINT]
        if trial.state is not optuna.trial.TrialState.COMPLETE:
            why = last_line(error) or self.searcher.failures.get(number, "unknown")
            self._console.line(f"          trial {number} failed: {why} ({describe(point)})")
            self._tracker.failed_trial(number, point, why)
            self.failures[number] = why
            return
        _log(self._plan, trial, self._tracker)
        finished = complete(self._study)
        values = [accuracy_and_nfe(one) for one in finished]
        self._tracker.hypervolume(hypervolume(values, self._reference), len(finished))
        best = max(values)
        metric = self._plan.metric
        said = f"{metric.title} {100 * metric.of(best[0]):.1f} %"
        text = f"trials; best {said} at NFE {best[1]:.0f}"
        self._bar.update(len(finished), self._plan.trials, text)


def _log(plan: Plan, trial: FrozenTrial, tracker: Tracker) -> None:
    values = summary(measurements(plan.places.records, trial.user_attrs[RECORDS]), plan.metric)
    assert trial.datetime_complete is not None and trial.datetime_start is not None
    seconds = (trial.datetime_complete - trial.datetime_start).total_seconds()
    tracker.trial(trial.number, trial.user_attrs[POINT], values, seconds)


def _catch_up(plan: Plan, study: optuna.Study, tracker: Tracker, reference: Reference) -> None:
    """Record complete trials that an interrupted run had no time to record."""
    finished = complete(study)
    missing = {str(trial.number) for trial in finished}
    if missing:
        missing -= tracker.logged_trials()
    for trial in finished:
        if str(trial.number) in missing:
            _log(plan, trial, tracker)
    if missing:
        values = [accuracy_and_nfe(trial) for trial in finished]
        tracker.hypervolume(hypervolume(values, reference), len(finished))
