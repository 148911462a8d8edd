"""MLflow's interface as a server of this machine, and a browser that shows it."""

from __future__ import annotations

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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from platform.backend.tracking_store import ENVIRONMENT, check_recorded
from typing import IO

from trainables.core.errors import UsageError

_HOST = "127.0.0.1"
_PORTS = 20
"""How many ports are tried, the first one and those after it."""
_START_SECONDS = 120
_STOP_SECONDS = 10


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
    environment = {**os.environ, **ENVIRONMENT, "MLFLOW_BACKEND_STORE_URI": uri}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            words, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            _wait_until_it_answers(process, f"http://{_HOST}:{port}", output)
            yield Interface(f"http://{_HOST}:{port}", process)
        finally:
            _stop(process)


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
