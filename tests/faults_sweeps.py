"""Faults of the processes of a sweep: signals, kills, several at once, dead workers, open ports."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from itertools import cycle, islice, product

from tests.faults_bench import Bench, Counts, Run, check, title
from tests.faults_servers import Server

_TRIALS = 6
_GOOD, _REFUSED, _INTERRUPTED = 0, 2, 130
_STRATEGIES, _PRECISIONS = ("nested", "card", "enhanced"), ("float32", "bf16", "auto")  # 9 sweeps
_WORKERS = ("ray::SamplingTrial", "ray::_Inner", "ray::Confirmer", "ray::RayTrainWorker")


def kills(bench: Bench, times: int) -> Counts:
    """A sweep is killed (SIGKILL) or interrupted (SIGINT, SIGTERM) at random moments and started again, until
    it has been so many times; a storage lasts for at most eight of them.
    """
    counts = Counts(times=times)
    numbers = cycle([signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
    left = times
    while left:
        storage = bench.storage()
        for number in islice(numbers, min(left, 8)):
            run = bench.start(storage, "--trials", str(_TRIALS))
            bench.wait_for(run, "1/5")
            _wait(run, bench.random.uniform(0, 25))
            run.process.send_signal(number)
            graceful = number != signal.SIGKILL
            bench.end(run, counts, (_INTERRUPTED, _GOOD) if graceful else (-number, _GOOD))
            left -= 1
        bench.sweep(storage, counts, "--trials", str(_TRIALS))
        check(storage, _TRIALS, counts)
    return counts


def killed_trainings(bench: Bench, times: int) -> Counts:
    """A training is killed at a random moment and goes on: to the same weights, bit for bit."""
    from platform.planning.setup import kinds_of

    counts = Counts(times=times)
    storage = bench.folder / "training"
    for _ in range(times):
        run = bench.start(storage, verb="train")
        bench.wait_for(run, "to train:")
        _wait(run, bench.random.uniform(5, 40))
        run.process.kill()
        bench.end(run, counts, (-signal.SIGKILL, _GOOD))
    run = bench.start(storage, verb="train")
    bench.end(run, counts)
    for kind in kinds_of(["nested"]):  # the warm sweep trained its baselines' as well
        (whole,) = bench.warm.glob(f"parts/digits/{kind}-*/weights.pt")
        ours = storage / whole.relative_to(bench.warm)
        if not ours.exists():
            counts.wrong(str(whole.relative_to(bench.warm)), "lost")
        elif ours.read_bytes() != whole.read_bytes():
            counts.wrong(f"other weights in {whole.relative_to(bench.warm)}")
    return counts


def openings(bench: Bench, times: int) -> Counts:
    """A sweep is stopped while it makes its store, by SIGINT or SIGKILL; the store is then opened."""
    from platform.backend.tracking_store import client_of

    counts = Counts(times=times)
    for number in islice(cycle([signal.SIGINT, signal.SIGKILL]), times):
        storage = bench.storage()
        run = bench.start(storage)
        bench.wait_for(run, "1/5")
        _wait(run, bench.random.uniform(0, 8))
        run.process.send_signal(number)
        bench.end(run, counts, (_INTERRUPTED, -number))
        try:
            client_of(f"sqlite:///{storage}/mlflow.db")
        except Exception as error:  # whatever it is, it is what the row is about
            counts.wrong(f"the store cannot be opened: {error}", "lost")
    return counts


def pairs(bench: Bench, times: int) -> Counts:
    """Two identical sweeps start at once: one is refused with the other's process, or comes after it."""
    counts = Counts(times=times)
    for _ in range(times):
        storage = bench.storage()
        runs = [bench.start(storage, "--trials", "3") for _ in range(2)]
        statuses = sorted(bench.end(run, counts, (_GOOD, _REFUSED)) for run in runs)
        if statuses[0] != _GOOD:
            counts.wrong(f"statuses {statuses}")
        for run in runs:
            if run.process.returncode == _REFUSED and not re.search(r"by process \d+ on", run.text):
                counts.wrong(run.text[-300:])
        check(storage, 3, counts)
    return counts


def at_once(bench: Bench, times: int) -> Counts:
    """So many different sweeps start at the same moment, on a new SQLite file and on a server."""
    counts = Counts(times=2 * times)
    chosen = list(islice(product(_PRECISIONS, _STRATEGIES), times))
    with Server(bench.folder / "server-at-once") as server:
        for uri in ("", server.uri):
            storage = bench.storage()
            environment = {"MLFLOW_TRACKING_URI": uri} if uri else {}
            runs = [
                bench.start(
                    storage,
                    "--trials",
                    "2",
                    "--precision",
                    precision,
                    strategy=strategy,
                    **environment,
                )
                for precision, strategy in chosen
            ]
            for run in runs:
                bench.end(run, counts)
            check(storage, 2, counts, uri)
    return counts


def actors(bench: Bench, times: int) -> Counts:
    """A worker of a sweep is killed at a random moment: its work is done again."""
    counts = Counts(times=times)
    done = 0
    while done < times:
        storage = bench.storage()
        run = bench.start(storage, "--trials", str(_TRIALS))
        while run.process.poll() is None and done < times:
            time.sleep(bench.random.uniform(2, 12))
            victims = [
                number for number in run.marked() if any(name in title(number) for name in _WORKERS)
            ]
            if victims:
                os.kill(bench.random.choice(victims), signal.SIGKILL)
                done += 1
                break  # one a sweep: more than two deaths of one piece of work end it
        bench.end(run, counts)
        check(storage, _TRIALS, counts)
    return counts


def ports(bench: Bench, times: int) -> Counts:
    """From a sweep's start to its end, its trainings included, whatever listens for it listens on this
    machine's own address.
    """
    counts = Counts(times=times)
    for number in range(times):
        run = bench.start(bench.folder / f"ports-{number}", "--trials", "3")
        listening = set()
        while run.process.poll() is None:
            listening.update(_listening(run))
            time.sleep(0.5)
        if not listening:
            counts.wrong("nothing listened: was it looked for in the right place?")
        for address in listening:
            if not re.match(r"(127\.0\.0\.1|\[::1\]|\[::ffff:127\.0\.0\.1\]):\d+$", address):
                counts.wrong(f"{address} is open")
        bench.end(run, counts)
    return counts


def _listening(run: Run) -> list[str]:
    """The addresses that a run's processes listen on."""
    numbers = {str(number) for number in run.marked()}
    shown = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
    return [
        line.split()[3]
        for line in shown.splitlines()
        if numbers.intersection(re.findall(r"pid=(\d+)", line))
    ]


def _wait(run: Run, seconds: float) -> None:
    """Wait for so long, or until the run has ended."""
    until = time.monotonic() + seconds
    while run.process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
