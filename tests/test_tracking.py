"""The tracker on a store of its own: which runs are ended, and how."""

from platform.backend.tracking import Tracker
from platform.planning.plan import Plan

import pytest


@pytest.mark.parametrize("status", ["KILLED", "FAILED"])
def test_a_run_whose_id_never_came_back_is_ended_with_the_others(tmp_path, status):
    """An interruption inside `create_run` leaves a run that only the store knows."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), uri)
    tracker, client = Tracker(plan), MlflowClient(uri)
    tracker.begin()
    lost = client.create_run(tracker.experiment, tags={"mlflow.parentRunId": tracker.parent})
    other = client.create_run(tracker.experiment, tags={"mlflow.parentRunId": "another sweep"})
    done = tracker.trial(0, {"eta": 0.0}, {"accuracy": 0.5}, 1.0)
    tracker.finish(status)
    ended = {run: client.get_run(run).info.status for run in (tracker.parent, lost.info.run_id)}
    assert set(ended.values()) == {status}
    assert client.get_run(done).info.status == "FINISHED"
    assert client.get_run(other.info.run_id).info.status == "RUNNING"
