"""An interruption that other code loses still ends the run as interrupted."""

import os
import signal
import subprocess
import sys
from platform.backend.session import run
from platform.cli.console import Console
from platform.cli.interrupts import INTERRUPTED, interrupted, interruptible, rearm
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
from conftest import clean_environment


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
