"""Faults outside a sweep: tracking servers that go away, full disks, passwords."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.conftest import clean_environment
from tests.faults_bench import Bench, Counts, check, free_port

_TRIALS = 4
_FAILED = 1
_PASSWORD = "correct-horse-battery"
_START = 240.0  # seconds for a server's start


class Server:
    """An MLflow server on this machine, which can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        folder.mkdir()
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        store, artifacts = f"sqlite:///{self._folder}/server.db", str(self._folder / "artifacts")
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        where = [
            "--backend-store-uri",
            store,
            "--artifacts-destination",
            artifacts,
            "--workers",
            "1",
        ]
        self._process = subprocess.Popen(
            [*command, "--port", str(self._port), *where],
            cwd=self._folder, env=clean_environment(PYTHONPATH=""), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + _START
        while True:
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=5).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def stop(self) -> None:
        """Stop it at once, with its workers."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def outages(bench: Bench, times: int) -> Counts:
    """The server goes away in the search and comes back: the sweep waits, says so, and is whole."""
    counts = Counts(times=times)
    for number in range(times):
        with Server(bench.folder / f"server-outage-{number}") as server:
            storage = bench.storage()
            run = bench.start(storage, "--trials", str(_TRIALS), MLFLOW_TRACKING_URI=server.uri)
            bench.wait_for(run, "3/5")
            time.sleep(bench.random.uniform(0, 8))
            server.stop()
            bench.wait_for(run, "does not answer")
            time.sleep(bench.random.uniform(0, 10))
            server.start()
            bench.end(run, counts)
            if "answers again" not in run.text:
                counts.wrong("the outage was not told")
            check(storage, _TRIALS, counts, server.uri)
            _check_artifacts(server.uri, counts)
            if (storage / "mlflow.db").exists():
                counts.wrong("a database was made beside the server")
    return counts


def _check_artifacts(uri: str, counts: Counts) -> None:
    """Count the files that a finished sweep has attached to its run on a server, and that are not there."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    for run in client.search_runs([experiment.experiment_id], "tags.stage = 'sweep'"):
        names = {item.path for item in client.list_artifacts(run.info.run_id)}
        for name in {"front.png", "front.csv", "summary.json"} - names:
            counts.wrong(f"artifact {name}", "lost")


def gone_for_good(bench: Bench, times: int) -> Counts:
    """The server goes away and stays away: the sweep ends in one line, and goes on when there is one again.
    Its URI has a password, which is nowhere but in the environment.
    """
    counts = Counts(times=times)
    for number in range(times):
        with Server(bench.folder / f"server-gone-{number}") as server:
            storage = bench.storage()
            uri = server.uri.replace("://", f"://me:{_PASSWORD}@")
            words = "--trials", str(_TRIALS), "--tracking-patience", "6"
            run = bench.start(storage, *words, MLFLOW_TRACKING_URI=uri)
            bench.wait_for(run, "3/5")
            time.sleep(bench.random.uniform(0, 8))
            server.stop()
            stopped = time.monotonic()
            bench.end(run, counts, (_FAILED,))
            if time.monotonic() - stopped > 120:
                counts.wrong("it did not end in time", "hangs")
            errors = [line for line in run.text.split("\n") if line.startswith("error: ")]
            if len(errors) != 1 or "the same command goes on" not in errors[0]:
                counts.wrong(f"errors {errors}: {run.text[-300:]}")
            server.start()
            again = bench.start(storage, *words, MLFLOW_TRACKING_URI=uri)
            bench.end(again, counts)
            check(storage, _TRIALS, counts, server.uri)
            _look_for_password(storage, run.text + again.text, counts)
    return counts


def _look_for_password(storage: Path, printed: str, counts: Counts) -> None:
    for file in storage.rglob("*"):
        if file.is_file() and _PASSWORD.encode() in file.read_bytes():
            counts.wrong(f"the password is in {file.relative_to(storage)}")
    if _PASSWORD in printed:
        counts.wrong("the password is on the terminal")


def full_disks(bench: Bench, times: int) -> Counts:
    """The storage's disk is full at a random place: one line says so; with more room the sweep is whole."""
    counts = Counts(times=times)
    for number in range(times):
        disk = bench.folder / f"disk-{number}"
        disk.mkdir()
        parts = sum(file.stat().st_size for file in (bench.warm / "parts").rglob("*"))
        size = 2 * parts + 2**20 + bench.random.randrange(3 * 2**20)
        mounted = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        if subprocess.run(mounted, capture_output=True, check=False).returncode:
            counts.times = 0
            counts.notes.append("skipped: this user may not mount a small disk")
            return counts
        try:
            storage = disk / "runs"
            subprocess.run(["cp", "-r", f"{bench.warm}/parts", f"{disk}/"], check=True)
            storage.mkdir()
            (disk / "parts").rename(storage / "parts")
            run = bench.start(storage, "--trials", str(_TRIALS))
            status = bench.end(run, counts, (_FAILED, 0))
            errors = [line for line in run.text.split("\n") if line.startswith("error: ")]
            if status and (len(errors) != 1 or " is full (" not in errors[0]):
                counts.wrong(f"errors {errors}: {run.text[-400:]}")
            grown = ["mount", "-o", f"remount,size={size + 2**28}", str(disk)]
            subprocess.run(grown, check=True)
            bench.sweep(storage, counts, "--trials", str(_TRIALS))
            check(storage, _TRIALS, counts)
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)
    return counts
