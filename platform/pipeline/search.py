"""Step 3 of a sweep: the search, by Ray Tune over the study, recorded in MLflow trial by trial."""

from __future__ import annotations

import errno
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from platform.backend.measure import Candidate, measure_all
from platform.backend.session import TrackedSession
from platform.cli.console import Bar
from platform.cli.failures import text_of_full_disk
from platform.cli.interrupts import check, last_line
from platform.pipeline.live_front import LiveFront
from platform.pipeline.objectives import objectives_of
from platform.pipeline.study import (
    POINT,
    RECORDS,
    StudySearcher,
    accuracy_and_cost,
    complete,
    open_study,
    within_bounds,
)
from platform.pipeline.trial_log import TrialLog
from platform.pipeline.tries import try_until_complete
from platform.pipeline.warm_start import warm_start
from platform.planning.study_names import TRIALS
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from ray.tune import Callback

from dashboards.pareto import Reference, hypervolume
from dashboards.points import describe
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import summary
from trainables.scoring.cost_metrics import BY_SECONDS


class SearchFailed(RuntimeError):
    """Not one trial of the search is complete, or a complete one has lost its records for good."""


@dataclass(frozen=True)
class SearchResult:
    """What a search came to.

    Args:
        study: the study, with the trials of earlier runs.
        trials: how many complete trials the plan asks for.
        failures: why trials of this run failed, by their numbers, where trying again did not help.
        tries: how often this run has tried a point.
    """

    study: optuna.Study
    trials: int
    failures: Mapping[int, str]
    tries: int = 0

    @property
    def shortfall(self) -> str:
        """How many trials are missing after how many tries, and why, each reason once; empty where none is
        missing.
        """
        have = len(complete(self.study))
        if have >= self.trials:
            return ""
        return (
            f"{have} of {self.trials} trials are complete after {self.tries} tries: {self._reasons}"
        )

    @property
    def account(self) -> str:
        """The shortfall, or else how many points were replaced by others and why; empty where none failed."""
        if self.shortfall or not self.failures:
            return self.shortfall
        points = "1 point" if len(self.failures) == 1 else f"{len(self.failures)} points"
        return (
            f"all {self.trials} trials are complete; {points} failed twice, and others took their place: "
            f"{self._reasons}"
        )

    @property
    def _reasons(self) -> str:
        """Why points failed, each reason once."""
        return "; ".join(dict.fromkeys(self.failures.values()))


def search(session: TrackedSession, reference: Reference) -> SearchResult:
    """Search until the study has as many complete trials as planned. Points that fail are tried once more;
    those that fail again are replaced by others, as long as there are tries left (`most_tries`).

    Raises:
        SearchFailed: no trial is complete.
    """
    console, trials = session.console, session.setup.plan.trials
    study = open_study(session.setup)
    _catch_up(session, study, reference)
    if session.setup.plan.warm_start:
        console.line(f"          {warm_start(session.setup, study, console.line).text}")
    have = len(complete(study))
    if have:
        console.line(f"          {have} complete trials of earlier runs are kept")
    failures: Mapping[int, str] = {}
    tries = 0
    if have < trials:
        with console.bar("trials") as bar:
            live = LiveFront(session, bar)
            live.update([accuracy_and_cost(trial) for trial in complete(study)])
            failures, tries = try_until_complete(
                study,
                trials,
                lambda count: _tune(session, study, bar, reference, live, count),
                lambda message: console.line(f"          {message}"),
            )
            live.finish()
    result = SearchResult(study, trials, failures, tries)
    if not complete(study):
        raise SearchFailed(f"no trial can be used: {result.shortfall}")
    if result.account:
        console.line(f"          {result.account}")
    if not within_bounds(study):
        console.line("          no trial keeps to the bounds: the front is that of all trials")
    return result


def hypervolume_of(study: optuna.Study, reference: Reference) -> float:
    """The hypervolume of the front of a study's complete trials that keep to the bounds of the search."""
    return hypervolume([accuracy_and_cost(trial) for trial in within_bounds(study)], reference)


def measurements(session: TrackedSession, trial: FrozenTrial) -> list[Measurement]:
    """The measurements of a complete trial; made again where their records are gone or damaged.

    Raises:
        SearchFailed: they cannot be made again.
    """
    setup = session.setup
    records = [setup.storage.records.get(key) for key in trial.user_attrs[RECORDS]]
    found = [record for record in records if record is not None]
    if len(found) == len(records):
        return found
    candidate = Candidate(setup.plan.strategy, trial.user_attrs[POINT])
    (again,) = measure_all(session, [candidate], "validation")
    if not again:
        raise SearchFailed(f"the records of trial {trial.number} are gone, and it fails now")
    return again


def _tune(
    session: TrackedSession,
    study: optuna.Study,
    bar: Bar,
    reference: Reference,
    live: LiveFront,
    count: int,
) -> Mapping[int, str]:
    """Run so many trials; returns why trials failed, by their numbers."""
    import logging

    from ray import tune
    from ray.tune.search import ConcurrencyLimiter

    from trainables.workers.trial import SamplingTrial

    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    setup, allocation = session.setup, session.cluster.allocation(session.setup)
    log = TrialLog(setup.folder / TRIALS)
    searcher = StudySearcher(
        study,
        log,
        setup.plan.strategy,
        setup.task.recipe.T,
        setup.facts.kind,
        objectives_of(setup),
        setup.plan.settled,
    )
    follower = _Follower(session, study, searcher, bar, reference, live)
    is_timed = setup.cost == BY_SECONDS
    # Where points are timed there is one at a time, so that none takes longer for another one's sake.
    actors = 1 if is_timed else allocation.actors
    job = setup.job("validation", allocation.threads, gpu_share=allocation.gpu_share)
    job = replace(job, is_timed=is_timed)
    resources = {"cpu": 1.0, **({"gpu": allocation.gpu_share} if allocation.on_gpus else {})}
    trainable = tune.with_resources(tune.with_parameters(SamplingTrial, job=job), resources)
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=ConcurrencyLimiter(searcher, actors),
            num_samples=count,
            max_concurrent_trials=None,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name=f"search-{int(time.time() * 1000)}",
            storage_path=str(setup.folder / "tune"),
            verbose=0,
            callbacks=[_Callback(follower)],
            failure_config=tune.FailureConfig(max_failures=0),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )
    tuner.fit()
    return follower.failures


class _Callback(Callback):
    """Passes the ends of trials on to a follower."""

    def __init__(self, follower: _Follower) -> None:
        self._follower = follower

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Tune pickles its callbacks for a resumption that is not used here."""
        return {}

    def on_trial_complete(self, iteration, trials, trial, **info):  # type: ignore[no-untyped-def]
        self._follower.end_trial(trial.trial_id, "")

    def on_trial_error(self, iteration, trials, trial, **info):  # type: ignore[no-untyped-def]
        error = Path(trial.error_file) if trial.error_file else None
        text = error.read_text() if error is not None and error.exists() else ""
        self._follower.end_trial(trial.trial_id, text)


class _Follower:
    """Follows a search: tells the console and MLflow of every trial as it ends, and keeps why trials
    failed, by their numbers.
    """

    def __init__(
        self,
        session: TrackedSession,
        study: optuna.Study,
        searcher: StudySearcher,
        bar: Bar,
        reference: Reference,
        live: LiveFront,
    ) -> None:
        self._session, self._study, self._searcher = session, study, searcher
        self._bar, self._reference, self._live = bar, reference, live
        self.failures: dict[int, str] = {}

    def end_trial(self, trial_id: str, error: str) -> None:
        """A trial has ended, with the text of an error or an empty one: record it, show how far the
        search is.

        Raises:
            OSError: the trial ended as a disk is full, and so would all others.
        """
        check()
        if text_of_full_disk(error):
            raise OSError(errno.ENOSPC, last_line(error))
        number = self._searcher.number(trial_id)
        trial = self._study.get_trials(deepcopy=False)[number]
        if trial.state is not optuna.trial.TrialState.COMPLETE:
            reason = last_line(error) or self._searcher.failures.get(number, "unknown")
            self._report_failure(number, trial.user_attrs[POINT], reason)
            return
        _log(self._session, trial)
        finished = complete(self._study)
        volume = hypervolume_of(self._study, self._reference)
        self._session.tracker.hypervolume(volume, len(finished))
        candidates = within_bounds(self._study) or finished
        accuracy, amount = max(accuracy_and_cost(trial) for trial in candidates)
        setup = self._session.setup
        best = f"{setup.metric.title} {100 * setup.metric.of(accuracy):.1f} %"
        price = f"{setup.cost.title} {setup.cost.number(amount)}"
        self._bar.update(len(finished), setup.plan.trials, f"trials; best {best} at {price}")
        self._live.update([accuracy_and_cost(trial) for trial in finished])

    def _report_failure(self, number: int, point: Mapping[str, Any], reason: str) -> None:
        line = f"          trial {number} failed: {reason} ({describe(point)})"
        self._session.console.line(line)
        self._session.tracker.failed_trial(number, point, reason)
        self.failures[number] = reason


def _log(session: TrackedSession, trial: FrozenTrial) -> None:
    """Record a complete trial in MLflow."""
    setup = session.setup
    measured = measurements(session, trial)
    assert trial.datetime_complete is not None and trial.datetime_start is not None
    seconds = (trial.datetime_complete - trial.datetime_start).total_seconds()
    values = summary(measured, setup.metric) | {setup.cost.name: accuracy_and_cost(trial)[1]}
    session.tracker.trial(trial.number, trial.user_attrs[POINT], values, seconds)


def _catch_up(session: TrackedSession, study: optuna.Study, reference: Reference) -> None:
    """Record complete trials that an interrupted run had no time to record, and forget those that the study
    has lost.
    """
    finished = complete(study)
    numbers = {trial.number for trial in finished}
    missing = numbers - session.tracker.logged_trials(numbers)
    for trial in finished:
        if trial.number in missing:
            _log(session, trial)
    if missing:
        session.tracker.hypervolume(hypervolume_of(study, reference), len(finished))
