"""An interruption that other code loses still ends the run as interrupted."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from platform.backend.cluster import _handlers_kept
from platform.backend.patient_client import StoreAway
from platform.backend.session import run
from platform.cli.console import Console
from platform.cli.failures import DiskFull
from platform.cli.interrupts import INTERRUPTED, in_background, interrupted, interruptible, rearm
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
from conftest import clean_environment
from mlflow import MlflowClient
from sqlalchemy.orm import loading


def _swallowed():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        return


def _turned_into_another_error():
    _swallowed()
    raise ValueError("a driver's own error")


@pytest.mark.parametrize("work", [_swallowed, _turned_into_another_error])
def test_a_run_that_lost_its_interruption_ends_as_interrupted(tmp_path, capfd, work):
    plan = Plan(
        "nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), f"sqlite:///{tmp_path}/m"
    )
    with interruptible():
        status = run(setup_of(plan), Console(), tmp_path / "log", "opening", lambda session: work())
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            rearm()
    assert status == INTERRUPTED and not interrupted()
    assert "interrupted" in capfd.readouterr().out


def test_an_interruption_amid_reading_leaves_the_store_free(tmp_path, monkeypatch):
    """A cursor that still has rows would keep others from writing: the interruption waits for the end."""
    uri = f"sqlite:///{tmp_path}/m"
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), uri)
    prepare = loading._instance_processor

    def interrupted_once(*words, **named):
        monkeypatch.setattr(loading, "_instance_processor", prepare)
        os.kill(os.getpid(), signal.SIGTERM)
        return prepare(*words, **named)

    def work(session):
        session.tracker.begin()
        monkeypatch.setattr(loading, "_instance_processor", interrupted_once)
        session.tracker.trial(0, {"eta": 0.0}, {"accuracy": 0.5}, 1.0)

    with interruptible():
        status = run(setup_of(plan), Console(), tmp_path / "log", "opening", work)
    client = MlflowClient(uri)
    ended = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert status == INTERRUPTED and {run.info.status for run in ended} == {"KILLED"}


def test_ray_leaves_sigterm_to_the_run_while_it_starts():
    from ray._private import utils

    setter = utils.set_sigterm_handler
    with interruptible():
        ours = signal.getsignal(signal.SIGTERM)
        with _handlers_kept():
            utils.set_sigterm_handler(signal.default_int_handler)
        assert signal.getsignal(signal.SIGTERM) is ours
    assert utils.set_sigterm_handler is setter


def test_no_step_begins_after_a_lost_interruption():
    with interruptible():
        _swallowed()
        with pytest.raises(KeyboardInterrupt), Console().step("search", "searching"):
            raise AssertionError("the step was begun")


def test_a_verb_that_ends_leaves_its_objects_alone(root):
    """What torch and Ray have made is not searched for garbage: that took seconds after the last line."""
    code = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count())); "  # runs last
        "import platform.sweep; print(gc.get_freeze_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root, capture_output=True, text=True, env=clean_environment(), check=True,
    )  # fmt: skip
    before, after = map(int, done.stdout.split())
    assert before == 0 and after > 10_000


def test_a_run_that_fails_from_outside_is_ended_and_told_once(tmp_path, capfd):
    """Also where the failure comes wrapped, and where its runs cannot be ended any more."""
    uri = f"sqlite:///{tmp_path}/m"
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(tmp_path), uri)

    def away(session):
        session.tracker.begin()
        raise RuntimeError("wrapped") from StoreAway("the store is away")

    def full(session):
        session.tracker.begin()
        (tmp_path / "m").write_bytes(b"no database any more, so that ending the run fails")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "x.json"))

    for work, error in ((away, StoreAway), (full, DiskFull)):
        with pytest.raises(error) as raised:
            run(setup_of(plan), Console(), tmp_path / "log", "opening", work)
        assert "\n" not in str(raised.value) and "Traceback" in (tmp_path / "log").read_text()
        if work is away:
            client = MlflowClient(uri)
            (experiment,) = client.search_experiments(filter_string="name = 'digits'")
            (parent,) = client.search_runs([experiment.experiment_id])
            assert parent.info.status == "FAILED"
    assert str(raised.value).startswith(f"the disk of {tmp_path} is full (")
    out, error = capfd.readouterr()
    assert "Traceback" not in out + error


def test_works_in_the_background_run_at_the_same_time_and_all_end_before_one_fails():
    meeting, done = threading.Barrier(2, timeout=20), []

    def fail():
        meeting.wait()
        raise ValueError("the first to fail")

    def go_on():
        meeting.wait()
        time.sleep(0.5)
        done.append("whole")

    with pytest.raises(ValueError, match="the first to fail"):
        in_background(fail, go_on)
    assert done == ["whole"]
