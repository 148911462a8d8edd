"""Step 3 of a sweep: the search, by Ray Tune over the study, recorded in MLflow trial by trial."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from platform.backend.allocation import Allocation
from platform.backend.ray_storage import ray_storage
from platform.backend.room_watch import RoomWatch
from platform.backend.session import TrackedSession
from platform.cli.console import Bar
from platform.pipeline.follower import Follower
from platform.pipeline.live_front import LiveFront
from platform.pipeline.measured_trials import SearchFailed, log_trial
from platform.pipeline.objectives import objectives_of
from platform.pipeline.stopped_trials import savings, why_stopped
from platform.pipeline.study import (
    accuracy_and_cost,
    complete,
    counted_trials,
    hypervolume_of,
    open_study,
    stopped,
    within_bounds,
)
from platform.pipeline.trial_log import TrialLog
from platform.pipeline.tries import try_until_complete
from platform.pipeline.warm_start import warm_start
from platform.planning.setup import Setup
from platform.planning.study_names import POINT, TRIALS
from typing import TYPE_CHECKING

import optuna

from dashboards.pareto import Reference
from trainables.scoring.cost_metrics import BY_SECONDS

if TYPE_CHECKING:
    from ray.tune import Callback, RunConfig, Trainable

    from trainables.workers.shared_data import SharedData

_MOST_AT_A_TIME = 1000
"""Trials at a time, on whatever cluster. Tune keeps no more actors waiting than the limiter allows at first,
so that a limit by the room that there is then would keep nodes that come later from being used well."""


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
        have = counted_trials(self.study)
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
    have = counted_trials(study)
    if have:
        console.line(f"          {_trials_text(study)} of earlier runs are kept")
    failures: Mapping[int, str] = {}
    tries = 0
    if have < trials:
        with console.bar("trials") as bar:
            live = LiveFront(session, bar)
            live.update([accuracy_and_cost(trial) for trial in complete(study)], have)
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
    if session.setup.plan.racing:
        console.line(f"          {savings(study).text}")
    if not within_bounds(study):
        console.line("          no trial keeps to the bounds: the front is that of all trials")
    return result


def _trials_text(study: optuna.Study) -> str:
    """How many trials there are, in words."""
    halted = len(stopped(study))
    return f"{len(complete(study))} complete trials" + (
        f" and {halted} stopped ones" if halted else ""
    )


def _tune(
    session: TrackedSession,
    study: optuna.Study,
    bar: Bar,
    reference: Reference,
    live: LiveFront,
    count: int,
) -> Mapping[int, str]:
    """Run so many trials; returns why trials failed, by their numbers."""
    from platform.pipeline.searcher import RoomCallback, StudySearcher, TuneCallback

    from ray import tune
    from ray.tune.search import ConcurrencyLimiter

    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    setup, allocation = session.setup, session.cluster.allocation(session.setup)
    searcher = StudySearcher(
        study,
        TrialLog(setup.stored / TRIALS),
        setup.plan.strategy,
        setup.task.recipe.T,
        setup.facts.kind,
        objectives_of(setup),
        setup.plan.settled,
        setup.plan.racing,
    )
    follower = Follower(session, searcher, bar, reference, live)
    room_now = partial(session.cluster.room, setup, allocation)
    watch = RoomWatch(session.console, "the search", "a trial", lambda: room_now() > 0)
    room = partial(_room, session, allocation, watch)
    limiter = ConcurrencyLimiter(searcher, _MOST_AT_A_TIME)  # until `RoomCallback` looks, at once
    tuner = tune.Tuner(
        _trainable(setup, allocation, session.cluster.data(setup)),
        tune_config=tune.TuneConfig(
            search_alg=limiter,
            num_samples=count,
            max_concurrent_trials=None,
            reuse_actors=True,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=_run_config(
            setup, [TuneCallback(follower.end_trial), RoomCallback(limiter, room)]
        ),
    )
    tuner.fit()
    return follower.failures


def _trainable(setup: Setup, allocation: Allocation, data: SharedData | None) -> type[Trainable]:
    """What Tune runs as a trial, with the job, the data and the resources that it is given."""
    from ray import tune

    from trainables.workers.trial import SamplingTrial

    job = setup.job("validation", allocation.threads, gpu_share=allocation.gpu_share)
    job = replace(job, is_timed=setup.cost == BY_SECONDS)
    resources = {"cpu": 1.0, **({"gpu": allocation.gpu_request} if allocation.on_gpus else {})}
    trainable: type[Trainable] = tune.with_resources(
        tune.with_parameters(SamplingTrial, job=job, data=data), resources
    )
    return trainable


def _room(session: TrackedSession, given: Allocation, watch: RoomWatch) -> int:
    """How many trials may run at a time at the moment: one where points are timed, so that none takes longer
    for another one's sake. Where there is room for none, the console is told.
    """
    watch.look()
    return 1 if session.setup.cost == BY_SECONDS else session.cluster.room(session.setup, given)


def _run_config(setup: Setup, callbacks: list[Callback]) -> RunConfig:
    """How Tune runs trials: in silence, in the sweep's folder, each of them once."""
    from ray import tune

    return tune.RunConfig(
        name=f"search-{int(time.time() * 1000)}",
        **ray_storage(setup.stored / "tune"),
        verbose=0,
        callbacks=callbacks,
        failure_config=tune.FailureConfig(max_failures=0),
        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
    )


def _catch_up(session: TrackedSession, study: optuna.Study, reference: Reference) -> None:
    """Record trials that an interrupted run had no time to record, and forget those that the study has
    lost.
    """
    finished, halted = complete(study), stopped(study)
    numbers = {trial.number for trial in [*finished, *halted]}
    missing = numbers - session.tracker.logged_trials(numbers)
    for trial in finished:
        if trial.number in missing:
            log_trial(session, trial)
    for trial in halted:
        if trial.number in missing:
            session.tracker.stopped_trial(trial.number, trial.user_attrs[POINT], why_stopped(trial))
    if missing:
        session.tracker.hypervolume(hypervolume_of(study, reference), counted_trials(study))
