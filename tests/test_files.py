"""Files that are written whole: who may read them, and what is left where writing fails; locked folders."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trainables.core.files import locked, write_whole

ROOT = Path(__file__).parent.parent
WORKERS = 4


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_who_may_read_a_file_follows_from_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "new", b"one")
        (tmp_path / "closed").write_bytes(b"old")
        (tmp_path / "closed").chmod(0o600)
        write_whole(tmp_path / "closed", b"two")
    finally:
        os.umask(before)
    for name, content in (("new", b"one"), ("closed", b"two")):
        assert (tmp_path / name).read_bytes() == content
        assert (tmp_path / name).stat().st_mode & 0o777 == mode
    assert {path.name for path in tmp_path.iterdir()} == {"new", "closed"}


def test_a_file_that_cannot_take_its_place_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken" / "full").mkdir(parents=True)
    with pytest.raises(OSError):
        write_whole(tmp_path / "taken", b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def increment(folder):
    """Raise the number in a file by one, slowly enough that two at a time would lose a count."""
    with locked(folder):
        count = int((folder / "count").read_text())
        time.sleep(0.05)
        (folder / "count").write_text(str(count + 1))


def _start(code, folder):
    command = [sys.executable, "-c", f"from tests.test_files import *\n{code}", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_threads_of_one_process_exclude_each_other(tmp_path):
    (tmp_path / "count").write_text("0")
    threads = [threading.Thread(target=increment, args=(tmp_path,)) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "count").read_text() == str(WORKERS)


def test_processes_exclude_each_other_and_leave_the_lock_file(tmp_path):
    (tmp_path / "count").write_text("0")
    with locked(tmp_path):  # so that all of them wait for one moment
        processes = [_start("increment(Path(sys.argv[1]))", tmp_path) for _ in range(WORKERS)]
    assert [process.wait() for process in processes] == [0] * WORKERS
    assert (tmp_path / "count").read_text() == str(WORKERS)
    assert {path.name for path in tmp_path.iterdir()} == {"count", ".lock"}


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    code = "with locked(Path(sys.argv[1])):\n  print('held', flush=True)\n  time.sleep(600)"
    with _start(code, tmp_path / "new") as process:
        assert process.stdout.readline() == "held\n"
        process.kill()
    with locked(tmp_path / "new"):
        pass


def test_waiting_for_a_lock_can_be_interrupted(tmp_path):
    code = (
        "try:\n  print('waiting', flush=True)\n  with locked(Path(sys.argv[1])): print('held')\n"
        "except KeyboardInterrupt: print('interrupted')"
    )
    with locked(tmp_path), _start(code, tmp_path) as process:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.2)  # until it waits, most likely; an earlier signal interrupts it as well
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"


def test_a_folder_is_unlocked_after_an_error(tmp_path):
    with pytest.raises(ValueError, match="inside"), locked(tmp_path):
        raise ValueError("inside")
    with locked(tmp_path):
        pass


def test_the_lock_file_follows_the_umask(tmp_path):
    before = os.umask(0o002)
    try:
        with locked(tmp_path):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / ".lock").stat().st_mode & 0o777 == 0o664
