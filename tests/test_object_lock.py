"""The lock of a driver in an object store: one holds it, and one that is gone holds nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from platform.backend import object_lock
from platform.backend.driver_lock import driver_lock

import pytest

from trainables.core.places import place

pytest.importorskip("upath", reason="the extra `s3` is not installed")


class Refused(Exception):
    pass


def _refuse(holder):
    raise Refused(holder)


@pytest.fixture
def folder(monkeypatch):
    """A folder of an object store, and signs of life that come soon."""
    monkeypatch.setattr(object_lock, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(object_lock, "_LOOK_SECONDS", 0.02)
    return place(f"memory://bucket/{uuid.uuid4().hex}")


def _locks(folder):
    return [file.name for file in folder.glob(".driver-lock-*")]


def test_a_holder_that_lives_is_named_and_a_refusal_takes_nothing(folder):
    with driver_lock(folder, _refuse):
        with (
            pytest.raises(Refused, match=rf"process {os.getpid()} on .* since"),
            driver_lock(folder, _refuse),
        ):
            pass
        assert len(_locks(folder)) == 1
    assert not _locks(folder)
    with driver_lock(folder, _refuse):
        assert len(_locks(folder)) == 1


def test_a_lock_is_waited_for(folder):
    told, entered, left = [], threading.Event(), threading.Event()

    def wait():
        with driver_lock(folder, told.append):
            entered.set()
            assert left.is_set()

    with driver_lock(folder, _refuse):
        other = threading.Thread(target=wait)
        other.start()
        while not told:
            assert other.is_alive()
        assert not entered.is_set()
        left.set()
    other.join()
    assert entered.is_set() and len(told) == 1


def _left_by(folder, number, **told):
    content = {"token": "t", "host": "far", "since": "then", "beats": 0, "process": 1}
    content |= {"machine": "another", "started": "1"} | told
    (folder / f".driver-lock-{number}").write_bytes(json.dumps(content).encode())


def test_a_silent_holder_of_another_machine_is_succeeded(folder, monkeypatch):
    monkeypatch.setattr(object_lock, "_SILENT_SECONDS", 0.2)
    _left_by(folder, 3)
    with driver_lock(folder, _refuse):
        assert _locks(folder) == [".driver-lock-4"]
    assert not _locks(folder)


def test_a_process_of_this_machine_that_is_gone_is_succeeded_at_once(folder):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = object_lock._process_here()
    _left_by(folder, 1, machine=here["machine"], process=gone.pid)
    with driver_lock(folder, _refuse):
        assert _locks(folder) == [".driver-lock-2"]
    _left_by(folder, 1, machine=here["machine"])  # process 1 lives, but has begun at another time
    with driver_lock(folder, _refuse):
        assert _locks(folder) == [".driver-lock-2"]


def test_who_was_taken_for_dead_ends_its_run(folder):
    interrupted = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupted.set())
    try:
        with driver_lock(folder, _refuse):
            _left_by(folder, 2)
            while not interrupted.is_set():
                pass
    finally:
        signal.signal(signal.SIGINT, before)
    assert _locks(folder) == [".driver-lock-2"]
