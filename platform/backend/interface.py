"""MLflow's interface as a server of this machine, and a browser that shows it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from platform.backend.tracking_store import ENVIRONMENT, check_recorded
from platform.cli.next_steps import VIEW_TAG
from typing import IO, Any

from trainables.core.errors import UsageError

_HOST = "127.0.0.1"
_PORTS = 20
"""How many ports are tried, the first one and those after it."""
_START_SECONDS = 120
_STOP_SECONDS = 10
_NO_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Keeps eight processes from being started that evaluate language models."""
_ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Interface:
    """A running server.

    Args:
        address: where a browser finds it.
        process: the server's.
    """

    address: str
    process: subprocess.Popen[bytes]

    def wait(self) -> int:
        """Wait until the server ends; returns its exit status."""
        return self.process.wait()


@contextmanager
def serving(uri: str, first_port: int) -> Iterator[Interface]:
    """Show a database's runs for as long as the context lasts, to this machine alone.

    Args:
        uri: of the tracking store.
        first_port: the port to serve at, or the next one that is free.

    Raises:
        UsageError: nothing has been recorded there, no port is free, or the server does not start.
    """
    check_recorded(uri)
    port = _free_port(first_port)
    place = ["--host", _HOST, "--port", str(port), "--workers", "1"]
    words = [sys.executable, "-m", "mlflow", "ui", *place]
    # The URI may have a password: the list of processes shows arguments to everybody.
    environment = {**os.environ, **ENVIRONMENT, **_NO_JOBS, "MLFLOW_BACKEND_STORE_URI": uri}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            words, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait_until_it_answers(process, f"http://{_HOST}:{port}", output)
            yield Interface(f"http://{_HOST}:{port}", process)
        finally:
            _stop(process)


def viewed_experiments(address: str) -> dict[str, str]:
    """The ids of the experiments that have the view of their fronts, by their names; that of the newest run
    comes first.

    Args:
        address: of a running server.
    """
    found = _asked(address, "experiments/search", {"max_results": 1000})
    names = {
        experiment["experiment_id"]: experiment["name"]
        for experiment in found.get("experiments", [])
        if any(tag["key"] == VIEW_TAG for tag in experiment.get("tags", []))
    }
    if not names:
        return {}
    newest = {
        "experiment_ids": list(names),
        "max_results": 1,
        "order_by": ["attributes.start_time DESC"],
    }
    runs = _asked(address, "runs/search", newest).get("runs", [])
    first = [run["info"]["experiment_id"] for run in runs]
    return {names[experiment]: experiment for experiment in dict.fromkeys([*first, *names])}


def _asked(address: str, question: str, words: Mapping[str, object]) -> dict[str, Any]:
    """The answer of a running server to a question of MLflow's protocol."""
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/{question}",
        json.dumps(words).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def opened_in_browser(address: str) -> bool:
    """Open an address in the browser, if there is a screen that one can be seen on."""
    if not (sys.platform == "darwin" or os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"}):
        return False
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False


def _free_port(first: int) -> int:
    """The first port that nothing listens at.

    Raises:
        UsageError: all that are tried are taken.
    """
    last = min(first + _PORTS, 65536) - 1
    for port in range(first, last + 1):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((_HOST, port))
            except OSError:
                continue
            return port
    raise UsageError(f"ports {first} to {last} are taken or not allowed: name another by --port")


def _wait_until_it_answers(
    process: subprocess.Popen[bytes], address: str, output: IO[bytes]
) -> None:
    """Wait for the server's first answer.

    Raises:
        UsageError: it ends, or does not answer in time; with the last thing that it said.
    """
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().split("\n")
    raise UsageError(f"MLflow's interface does not start: {lines[-1] or 'it says nothing'}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers, which are a group of processes of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(_STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
