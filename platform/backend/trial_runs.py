"""The child runs of a sweep's trials in MLflow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from platform.backend.confirmed_run import logarithm
from platform.backend.run_page import trial_name
from platform.backend.run_writer import RunWriter
from platform.planning.setup import Setup
from typing import TYPE_CHECKING

from dashboards.runs import PARENT, STRATEGY
from trainables.scoring.metric_names import STAGE_TRIAL, on_split

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_STOPPED = "stopped"  # the tag of a stopped trial's run, with the reason


class TrialRuns:
    """Writes the runs of trials of a setup, children of a parent run; a `Tracker` is one."""

    _setup: Setup
    _client: MlflowClient
    _runs: RunWriter
    parent: str

    def logged_trials(self, known: Collection[int]) -> set[int]:
        """Those of the trials that a study knows, by their numbers, that have a child run of this parent,
        finished or of a stopped race. The others' runs are deleted, as MLflow deletes: the study lost them
        with its files, and gives their numbers to others.
        """
        trial_runs = [
            *self._trial_runs(),
            *(self._stopped_runs() if self._setup.plan.racing else []),
        ]
        runs = [(int(run.data.tags["trial"]), run.info.run_id) for run in trial_runs]
        for number, run_id in runs:
            if number not in known:
                self._client.delete_run(run_id)
        return {number for number, _ in runs if number in known}

    def _trial_runs(self, status: str = "FINISHED") -> list[Run]:
        query = f"tags.stage = '{STAGE_TRIAL}' and attributes.status = '{status}'"
        return self._runs.find(f"tags.`{PARENT}` = '{self.parent}' and {query}")

    def _stopped_runs(self) -> list[Run]:
        """Runs of trials whose races were stopped, not of those that a killed driver left."""
        return [run for run in self._trial_runs("KILLED") if _STOPPED in run.data.tags]

    def trial(
        self, number: int, point: Mapping[str, object], metrics: Mapping[str, float], seconds: float
    ) -> str:
        """Record a complete trial as a child run; returns its run id."""
        tags = {"split": "validation", "trial": str(number)}
        name = trial_name(self._setup.plan.strategy, point, number)
        run = self._runs.create(name, STAGE_TRIAL, tags, self.parent, seconds)
        values = {on_split("validation", n): value for n, value in metrics.items()}
        values |= logarithm(metrics)
        self._runs.log(run, {STRATEGY: self._setup.plan.strategy, **point}, values)
        self._runs.close(run, "FINISHED")
        return run

    def failed_trial(self, number: int, point: Mapping[str, object], reason: str) -> str:
        """Record a failed trial as a failed child run; returns its run id."""
        return self._trial_without_result(number, point, {"error": reason[:500]}, "FAILED")

    def stopped_trial(self, number: int, point: Mapping[str, object], reason: str) -> str:
        """Record a trial whose race was stopped, as a child run that was stopped, which has no metrics;
        returns its run id.
        """
        return self._trial_without_result(number, point, {_STOPPED: reason}, "KILLED")

    def _trial_without_result(
        self, number: int, point: Mapping[str, object], tags: Mapping[str, str], status: str
    ) -> str:
        every = {"split": "validation", "trial": str(number), **tags}
        name = trial_name(self._setup.plan.strategy, point, number)
        run = self._runs.create(name, STAGE_TRIAL, every, self.parent)
        self._runs.log(run, {STRATEGY: self._setup.plan.strategy, **point}, {})
        self._runs.close(run, status)
        return run

    def mark_front(self, numbers: set[str]) -> None:
        """Tag every child run of a trial with whether it is on the front, for MLflow's filters."""
        for run in self._trial_runs():
            on_front = str(run.data.tags["trial"] in numbers).lower()
            if run.data.tags.get("on_front") != on_front:
                self._client.set_tag(run.info.run_id, "on_front", on_front)
