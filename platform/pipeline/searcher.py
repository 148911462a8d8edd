"""What Ray Tune calls while it searches: the searcher that asks the study, the callback that tells of trials.

Ray's own OptunaSearch leaves a trial without finite results running for ever, tells failed trials
with a result as complete, and repeats its suggestions when a study is resumed with the same seed.
"""

from __future__ import annotations

import math
from pathlib import Path
from platform.pipeline.follower import Follower
from platform.pipeline.objectives import USUAL_OBJECTIVES, Objectives
from platform.pipeline.study import FAILURE, accuracy_and_cost, complete
from platform.pipeline.trial_log import TrialLog
from platform.planning.study_names import POINT, RECORDS, STOPPED
from typing import Any

import optuna
from optuna.trial import TrialState
from ray.tune import Callback
from ray.tune.search import Searcher

import search_spaces
from dashboards.pareto import front
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

    def save(self, checkpoint_path: str) -> None:
        """Save no state: the study keeps its own."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore no state: the study has kept its own."""


class TuneCallback(Callback):
    """Passes the ends of trials on to a follower. Tune's own methods have no types to agree with."""

    def __init__(self, follower: Follower) -> None:
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
