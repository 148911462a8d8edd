"""The measurements of complete trials, and their runs in MLflow."""

from __future__ import annotations

from platform.backend.candidates import Candidate
from platform.backend.measure import measure_all
from platform.backend.session import TrackedSession
from platform.pipeline.study import accuracy_and_cost
from platform.planning.study_names import POINT, RECORDS

from optuna.trial import FrozenTrial

from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import summary


class SearchFailed(RuntimeError):
    """Not one trial of the search is complete, or a complete one has lost its records for good."""


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


def log_trial(session: TrackedSession, trial: FrozenTrial) -> None:
    """Record a complete trial in MLflow."""
    setup = session.setup
    measured = measurements(session, trial)
    assert trial.datetime_complete is not None and trial.datetime_start is not None
    seconds = (trial.datetime_complete - trial.datetime_start).total_seconds()
    values = summary(measured, setup.metric) | {setup.cost.name: accuracy_and_cost(trial)[1]}
    session.tracker.trial(trial.number, trial.user_attrs[POINT], values, seconds)
