"""What Ray Tune calls while it searches: the searcher that asks the study, callbacks that tell of
trials and look for room.

Ray's own OptunaSearch leaves a trial without finite results running for ever, tells failed trials
with a result as complete, and repeats its suggestions when a study is resumed with the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from platform.pipeline.finished_trials import FinishedTrials
from platform.pipeline.objectives import USUAL_OBJECTIVES, Objectives
from platform.pipeline.study import FAILURE, accuracy_and_cost
from platform.pipeline.trial_log import TrialLog
from platform.planning.study_names import POINT, RECORDS, STOPPED
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from ray.tune import Callback
from ray.tune.search import ConcurrencyLimiter, Searcher

import search_spaces
from trainables.evaluation.race import COST, RACE, RIVALS, SEEDS, SEEN, STOPPED_BY, TOTAL
from trainables.scoring.metric_names import ACCURACY


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

    Attributes:
        finished: the study's finished trials.
        failures: why trials failed, by their numbers.
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
        self._ended: dict[str, FrozenTrial] = {}
        self.finished = FinishedTrials(study.get_trials(deepcopy=False))
        self.failures: dict[int, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Tune pickles its searcher for a resumption that is not used here, and a file of the
        sweep's would hold the whole study, and the password of its database.
        """
        return {}

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
        if not self._racing or not self.finished.front:
            return {}
        rivals = [
            (trial.number, accuracy_and_cost(trial)[1], trial.user_attrs[RECORDS])
            for trial in self.finished.front
        ]
        return {RACE: {COST: self._objectives.cost.name, RIVALS: rivals}}

    def ended(self, trial_id: str) -> FrozenTrial:
        """A Tune trial that has ended, as the study has it; it can be asked for once."""
        return self._ended.pop(trial_id)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        trial = self._trials.pop(trial_id)
        names = ACCURACY, self._objectives.cost.name
        reported = [] if result is None else [result.get(name) for name in names]
        values = [v for v in reported if isinstance(v, int | float) and math.isfinite(v)]
        if error or result is None or len(values) < 2:
            reason = "the trial raised" if error else f"its results are {reported}"
            trial.set_user_attr(FAILURE, reason)
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
        self._ended[trial_id] = ended
        self.finished.add(ended)

    def save(self, checkpoint_path: str) -> None:
        """Save no state: the study keeps its own."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore no state: the study has kept its own."""


class TuneCallback(Callback):
    """Passes the ends of trials on: to `end_trial`, with a trial's id and the text of its error, empty where
    there is none. Tune's own methods have no types to agree with.
    """

    def __init__(self, end_trial: Callable[[str, str], None]) -> None:
        self._end_trial = end_trial

    def __getstate__(self) -> dict[str, Any]:
        """An empty state: Tune pickles its callbacks for a resumption that is not used here."""
        return {}

    def on_trial_complete(self, iteration, trials, trial, **info):  # type: ignore[no-untyped-def]
        self._end_trial(trial.trial_id, "")

    def on_trial_error(self, iteration, trials, trial, **info):  # type: ignore[no-untyped-def]
        error = Path(trial.error_file) if trial.error_file else None
        text = error.read_text() if error is not None and error.exists() else ""
        self._end_trial(trial.trial_id, text)


class RoomCallback(Callback):
    """Lets as many trials run at a time as the cluster has room for at the moment.

    Args:
        limiter: what limits their number.
        room: how many there is room for.
    """

    def __init__(self, limiter: ConcurrencyLimiter, room: Callable[[], int]) -> None:
        self._limiter, self._room = limiter, room

    def __getstate__(self) -> dict[str, Any]:
        """An empty state, as that of `TuneCallback`."""
        return {}

    def on_step_begin(self, iteration, trials, **info):  # type: ignore[no-untyped-def]
        self._limiter.max_concurrent = max(1, self._room())
