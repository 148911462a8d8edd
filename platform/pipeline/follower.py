"""What follows a search: every trial that ends is recorded in MLflow and told to the console."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from platform.backend.session import TrackedSession
from platform.cli.console import Bar
from platform.cli.failures import text_of_full_disk
from platform.cli.interrupts import check, last_line
from platform.pipeline.live_front import LiveFront
from platform.pipeline.measured_trials import log_trial
from platform.pipeline.stopped_trials import why_stopped
from platform.planning.study_names import POINT
from typing import TYPE_CHECKING, Any

from optuna.trial import FrozenTrial, TrialState

from dashboards.pareto import Reference
from dashboards.points import describe

if TYPE_CHECKING:
    from platform.pipeline.searcher import StudySearcher  # which loads Ray Tune


class Follower:
    """Follows a search: tells the console and MLflow of every trial as it ends, and keeps why trials
    failed, by their numbers.
    """

    def __init__(
        self,
        session: TrackedSession,
        searcher: StudySearcher,
        bar: Bar,
        reference: Reference,
        live: LiveFront,
    ) -> None:
        self._session, self._searcher = session, searcher
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
        trial = self._searcher.ended(trial_id)
        if trial.state is TrialState.PRUNED:
            self._report_stop(trial)
            return
        if trial.state is not TrialState.COMPLETE:
            cause = last_line(error) or self._searcher.failures.get(trial.number, "unknown")
            self._report_failure(trial.number, trial.user_attrs[POINT], cause)
            return
        log_trial(self._session, trial)
        finished = self._searcher.finished
        volume = finished.hypervolume(self._reference)
        self._session.tracker.hypervolume(volume, finished.counted)
        self._show_progress()

    def _show_progress(self) -> None:
        """Show how far the search is, and its front."""
        setup, finished = self._session.setup, self._searcher.finished
        accuracy, amount = finished.best
        best = f"{setup.metric.title} {100 * setup.metric.of(accuracy):.1f} %"
        price = f"{setup.cost.title} {setup.cost.number(amount)}"
        self._bar.update(finished.counted, setup.plan.trials, f"trials; best {best} at {price}")
        self._live.update(finished.places, finished.counted)

    def _report_stop(self, trial: FrozenTrial) -> None:
        """A trial's race was stopped: say so, and record that it has no result."""
        point, why = trial.user_attrs[POINT], why_stopped(trial)
        self._session.console.line(
            f"          trial {trial.number} stopped: {why} ({describe(point)})"
        )
        self._session.tracker.stopped_trial(trial.number, point, why)
        self._show_progress()

    def _report_failure(self, number: int, point: Mapping[str, Any], reason: str) -> None:
        line = f"          trial {number} failed: {reason} ({describe(point)})"
        self._session.console.line(line)
        self._session.tracker.failed_trial(number, point, reason)
        self.failures[number] = reason
