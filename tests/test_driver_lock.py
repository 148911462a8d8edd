"""The lock of a driver: who holds it is told, and a process that is gone holds nothing."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from platform.backend.driver_lock import driver_lock

import pytest

_HOLD = """
import sys, time
from pathlib import Path
from platform.backend.driver_lock import driver_lock
with driver_lock(Path(sys.argv[1]), print):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


class Refused(Exception):
    pass


def _refuse(holder):
    raise Refused(holder)


def _held(folder, seconds):
    """A process that holds the folder's lock."""
    words = [sys.executable, "-c", _HOLD, str(folder), str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_the_holder_is_named_and_a_refusal_takes_nothing(tmp_path):
    with driver_lock(tmp_path / "new", _refuse):
        assert (tmp_path / "new" / "driver.json").exists()
        words = [sys.executable, "-c", _HOLD.replace("print)", "exit)"), str(tmp_path / "new"), "0"]
        done = subprocess.run(words, capture_output=True, text=True)
        assert f"process {os.getpid()} on {socket.gethostname()} since 20" in done.stderr
        assert done.stdout == ""
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".driver.lock"]
    with driver_lock(tmp_path / "new", _refuse):
        pass


def test_a_killed_holder_holds_nothing(tmp_path):
    process = _held(tmp_path, 600)
    with pytest.raises(Refused, match=f"process {process.pid} on"), driver_lock(tmp_path, _refuse):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with driver_lock(tmp_path, _refuse):
        assert f'"process": {os.getpid()}' in (tmp_path / "driver.json").read_text()


def test_one_who_waits_is_told_once_and_then_has_it(tmp_path):
    process, told = _held(tmp_path, 1), []
    with driver_lock(tmp_path, told.append):
        assert process.wait(timeout=5) == 0
    assert len(told) == 1 and f"process {process.pid} on" in told[0]


def test_a_word_that_cannot_be_read_is_no_obstacle(tmp_path):
    process = _held(tmp_path, 600)
    Path(tmp_path / "driver.json").write_text("{")
    with pytest.raises(Refused, match=r"^another process$"), driver_lock(tmp_path, _refuse):
        pass
    process.kill()
    process.wait()
