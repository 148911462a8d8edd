"""The tracker on a store of its own: which runs are ended, and how."""

import dataclasses
from dataclasses import replace
from platform.backend.tracking import Tracker
from platform.comparison.read import Wanted, read_sweeps
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest

from dashboards.points import ReportedPoint


@pytest.mark.parametrize("status", ["KILLED", "FAILED"])
def test_a_run_whose_id_never_came_back_is_ended_with_the_others(tmp_path, store_uri, status):
    """An interruption inside `create_run` leaves a run that only the store knows."""
    from mlflow import MlflowClient

    setup = setup_of(
        Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), store_uri)
    )
    tracker, client = Tracker(setup), MlflowClient(store_uri)
    tracker.begin()
    lost = client.create_run(tracker.experiment, tags={"mlflow.parentRunId": tracker.parent})
    other = client.create_run(tracker.experiment, tags={"mlflow.parentRunId": "another sweep"})
    done = tracker.trial(0, {"eta": 0.0}, {"accuracy": 0.5}, 1.0)
    tracker.finish(status)
    ended = {run: client.get_run(run).info.status for run in (tracker.parent, lost.info.run_id)}
    assert set(ended.values()) == {status}
    assert client.get_run(done).info.status == "FINISHED"
    assert client.get_run(other.info.run_id).info.status == "RUNNING"


def _shown(label, role="front", **test):
    tests = {"noisy": {"difference": 0.1, "low": 0.0, "high": 0.2, "p_value": 0.03, "p_holm": 0.06}}
    point = {"eta": 0.5, "chains": 2} if role == "front" else {}
    measured = {"accuracy": 0.1 + 0.2, "accuracy_low": 0.2, "accuracy_high": 0.4, "nfe": 4.0}
    strategy = "nested" if role == "front" else label
    return ReportedPoint(
        label, strategy, role, point, measured, measured | test, tests if point else {}
    )


def test_a_sweep_has_one_confirmation_its_last(tmp_path, store_uri):
    """A sweep that is run again keeps what says the same, deletes what is superseded, and comparisons
    see the last alone.
    """
    from mlflow import MlflowClient

    setup = setup_of(
        Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), store_uri)
    )

    def run(*points):
        tracker = Tracker(setup)
        tracker.begin()
        runs = tracker.confirmation(points)
        tracker.finish("FINISHED")
        return tracker, runs

    first, noisy = _shown("nested #1"), _shown("noisy", "baseline")
    tracker, runs = run(first, noisy)
    again, same = run(first, noisy)
    assert same == runs and again.parent == tracker.parent

    client, stage = MlflowClient(store_uri), "tags.stage = 'confirm'"
    assert len(client.search_runs([tracker.experiment], stage)) == 2
    other, better = _shown("nested #7"), replace(noisy, test={**noisy.test, "accuracy": 0.5})
    _, last = run(first, other, better)
    assert last["nested #1"] == runs["nested #1"] and last["noisy"] != runs["noisy"]
    listed = client.search_runs([tracker.experiment], stage)
    assert {run.info.run_id for run in listed} == set(last.values())
    (sweep,) = read_sweeps(client, ["digits"], Wanted(corruption="gn30")).sweeps
    assert {p.reported.label: p.reported.test["accuracy"] for p in sweep.points} == {
        "nested #1": 0.1 + 0.2, "nested #7": 0.1 + 0.2, "noisy": 0.5,
    }  # fmt: skip
    assert client.get_run(runs["noisy"]).info.lifecycle_stage == "deleted"
    _, gone = run(noisy)
    assert set(gone) == {"noisy"} and len(client.search_runs([tracker.experiment], stage)) == 1


def test_runs_say_what_they_ran_on_and_a_sweep_what_it_went_on_on(tmp_path, store_uri):
    from mlflow import MlflowClient

    setup = setup_of(
        Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), store_uri)
    )
    tracker, client = Tracker(setup, "2 CPUs"), MlflowClient(store_uri)
    tracker.begin()
    trial = tracker.trial(0, {"eta": 0.0}, {"accuracy": 0.5}, 1.0)
    tracker.finish("KILLED")
    later = Tracker(setup, "8 GPUs")
    later.begin()
    assert later.parent == tracker.parent
    said = [client.get_run(run).data.tags["devices"] for run in (trial, later.parent)]
    assert said == ["2 CPUs", "8 GPUs"]
    later.finish("FINISHED")


def test_trials_that_the_study_lost_are_not_counted_twice(tmp_path, store_uri):
    setup = setup_of(
        Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), store_uri)
    )
    tracker = Tracker(setup)
    tracker.begin()
    for number in range(3):
        tracker.trial(number, {"eta": 0.0}, {"accuracy": 0.5}, 1.0)
    assert tracker.logged_trials({0, 2, 5}) == {0, 2}
    tracker.trial(1, {"eta": 1.0}, {"accuracy": 0.5}, 1.0)
    tracker.finish("FINISHED")
    runs = [run.data for run in tracker._trial_runs()]
    etas = {run.tags["trial"]: run.params["eta"] for run in runs}
    assert len(runs) == 3 and etas == {"0": "0.0", "1": "1.0", "2": "0.0"}


def test_a_trial_whose_race_was_stopped_has_a_run_without_metrics(tmp_path, store_uri):
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), store_uri)
    tracker = Tracker(setup_of(dataclasses.replace(plan, racing=True)))
    tracker.begin()
    tracker.trial(0, {"eta": 0.0}, {"accuracy": 0.5}, 1.0)
    reason = "beaten by trial 0 after 16 of 64 samples"
    stopped = tracker._client.get_run(tracker.stopped_trial(1, {"eta": 1.0}, reason))
    tracker.failed_trial(2, {"eta": 1.0}, "out of memory")
    assert stopped.info.status == "KILLED" and stopped.data.tags["stopped"] == reason
    assert not stopped.data.metrics and stopped.data.params["eta"] == "1.0"
    assert tracker.logged_trials({0, 1, 2}) == {0, 1}
    assert [run.data.tags["trial"] for run in tracker._trial_runs()] == ["0"]
    tracker.mark_front({"0", "1"})
    assert "on_front" not in tracker._client.get_run(stopped.info.run_id).data.tags
    assert tracker._client.get_run(tracker.parent).data.tags["racing"] == "true"
    tracker.finish("FINISHED")
