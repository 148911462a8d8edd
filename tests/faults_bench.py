"""What the rows of the fault suite share: a warm storage, sweeps as a user starts them, what is counted."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, clean_environment

_MARK = "COUPLED_FAULT"
"""An environment variable that all processes of one run have, by which those that are left are found."""
_HANG = 900.0  # seconds after which a run hangs; a sweep takes half a minute on a quiet machine
_LEAVE = 120.0  # seconds that processes have to leave in
"""Agents of Ray that find their node dead tell its dead server so, for a minute, before they leave."""


@dataclass
class Counts:
    """What a fault did: how often it was injected, and what came of it, all of which should be 0."""

    times: int = 0
    lost: int = 0
    doubled: int = 0
    inconsistent: int = 0
    left: int = 0
    tracebacks: int = 0
    hangs: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Add what another run did."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def wrong(self, what: str, name: str = "inconsistent") -> None:
        """Count one, and say what it was."""
        setattr(self, name, getattr(self, name) + 1)
        self.notes.append(f"{name}: {what}")

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(getattr(self, one.name) for one in fields(self) if one.name != "times")


@dataclass
class Run:
    """A process under test, its output in a file."""

    process: subprocess.Popen[bytes]
    output: Path
    mark: str

    @property
    def text(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(errors="replace")

    def marked(self) -> list[int]:
        """The ids of its processes, Ray's too, but not of those that have ended and were not waited for."""
        wanted = f"{_MARK}={self.mark}".encode()
        found = []
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                try:
                    if wanted in (place / "environ").read_bytes().split(b"\0"):
                        found.append(int(place.name))
                except OSError:  # it has ended, or is another user's
                    continue
        return found


class Bench:
    """Where faults are injected.

    Args:
        folder: an empty directory.
        seed: of all that is random.
        warm: a storage of a finished sweep of `nested` on digits, preset smoke; made where there is none.

    Attributes:
        trials: how many trials the sweep of the warm storage has.
    """

    def __init__(self, folder: Path, seed: int, warm: Path | None = None) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self._number = 0
        self.warm = warm or folder / "warm"
        if not (self.warm / "parts").is_dir():
            counts = Counts()
            self.sweep(self.warm, counts, "--trials", "3")
            if not counts.clean:
                raise RuntimeError(f"the first sweep failed: {counts.notes}")
        (log,) = self.warm.glob("sweeps/**/trials.jsonl")
        self.trials = len(log.read_text().splitlines())

    def storage(self, whole: bool = False) -> Path:
        """A new storage with the warm one's parts; with all that it has if `whole`."""
        self._number += 1
        storage = self.folder / f"runs-{self._number}"
        if whole:
            shutil.copytree(self.warm, storage, ignore=shutil.ignore_patterns("tune", "*.log"))
        else:
            shutil.copytree(self.warm / "parts", storage / "parts")
        return storage

    def start(
        self,
        storage: Path,
        *words: str,
        verb: str = "sweep",
        strategy: str = "nested",
        **environment: str,
    ) -> Run:
        """Start a verb for a strategy on digits, on a storage, with variables of the environment."""
        self._number += 1
        output, mark = self.folder / f"out-{self._number}.txt", uuid.uuid4().hex
        command = [sys.executable, "-m", f"platform.{verb}", strategy, "digits", *words]
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*command, "--preset", "smoke", "--storage", str(storage)],
                cwd=ROOT, stdout=file, stderr=file, start_new_session=True,
                env=clean_environment(**{_MARK: mark}, **environment),
            )  # fmt: skip
        return Run(process, output, mark)

    def end(self, run: Run, counts: Counts, statuses: tuple[int, ...] = (0,)) -> int:
        """Wait for a run's end, and count what is wrong with it; returns its status."""
        try:
            status = run.process.wait(_HANG)
        except subprocess.TimeoutExpired:
            counts.wrong(run.text[-300:], "hangs")
            run.process.kill()
            status = run.process.wait()
        until = time.monotonic() + _LEAVE
        while (left := run.marked()) and time.monotonic() < until:
            time.sleep(0.5)
        for number in left:
            counts.wrong(f"process {number} ({title(number)}) after status {status}", "left")
            with suppress(ProcessLookupError):  # it has ended just now
                os.kill(number, signal.SIGKILL)
        if "Traceback" in run.text:
            counts.wrong(run.text[-600:], "tracebacks")
        if status not in statuses:
            counts.wrong(f"status {status}: {run.text[-600:]}")
        return status

    def sweep(self, storage: Path, counts: Counts, *words: str, **environment: str) -> Run:
        """Run a sweep to its end, which should be a good one."""
        run = self.start(storage, *words, **environment)
        self.end(run, counts)
        return run

    def wait_for(self, run: Run, text: str) -> bool:
        """Wait until a run has printed a text; False if it ended before."""
        until = time.monotonic() + _HANG
        while text not in run.text:
            if run.process.poll() is not None or time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True


def title(number: int) -> str:
    """The title of a process, or its command; empty where it has ended."""
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    return " ".join(words)[:200].strip()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def check(storage: Path, trials: int, counts: Counts, uri: str = "") -> None:
    """Count the trials of a storage's sweeps that are lost, doubled, or not the same in study, log, records
    and MLflow, and runs that have not ended.
    """
    from mlflow import MlflowClient

    uri = uri or f"sqlite:///{storage}/mlflow.db"
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=10_000)
    for run in runs:
        if run.info.status == "RUNNING":
            counts.wrong(f"run {run.info.run_name} is left running")
    for folder in (storage / "sweeps" / "digits" / "gn30").iterdir():
        if (folder / "study.journal").exists():
            _check_sweep(folder, runs, trials, counts)


def _check_sweep(folder: Path, runs: list[Any], trials: int, counts: Counts) -> None:
    from platform.pipeline.trial_log import TrialLog
    from platform.planning.study_names import RECORDS, TRIALS

    ended = TrialLog(folder / TRIALS).trials().values()
    complete = {trial.number: trial for trial in ended if trial.state.name == "COMPLETE"}
    counts.lost += max(0, trials - len(complete))
    counts.doubled += max(0, len(complete) - trials)
    sweep = folder.name.split("-")[-1]
    ours = [run for run in runs if run.data.tags.get("sweep") == sweep]
    parents = {r.info.run_id: r for r in ours if r.data.tags.get("stage") == "sweep"}
    if len(parents) != 1 or [run.info.status for run in parents.values()] != ["FINISHED"]:
        counts.wrong(f"parents of {sweep}: {[run.info.status for run in parents.values()]}")
    recorded = [
        int(run.data.tags["trial"])
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") in parents
        and run.data.tags.get("stage") == "trial"
        and run.info.status == "FINISHED"
    ]
    counts.lost += len(set(complete) - set(recorded))
    counts.doubled += len(recorded) - len(set(recorded))
    storage = folder.parents[3]
    for trial in complete.values():
        for key in trial.user_attrs[RECORDS]:
            if not (storage / "records" / key[:2] / f"{key}.json").exists():
                counts.wrong(f"record {key} of trial {trial.number}", "lost")
