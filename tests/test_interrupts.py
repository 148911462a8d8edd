"""An interruption that other code loses still ends the run as interrupted."""

import os
import signal
from platform.backend.session import run
from platform.cli.console import Console
from platform.cli.interrupts import INTERRUPTED, interrupted, interruptible, rearm
from platform.planning.plan import Plan

import pytest


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
        status = run(plan, Console(), tmp_path / "log", "opening", lambda tracker: work())
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            rearm()
    assert status == INTERRUPTED and not interrupted()
    assert "interrupted" in capfd.readouterr().out


def test_no_step_begins_after_a_lost_interruption():
    with interruptible():
        _swallowed()
        with pytest.raises(KeyboardInterrupt), Console().step("search", "searching"):
            raise AssertionError("the step was begun")
