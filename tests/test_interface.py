"""MLflow's interface as a person opens it: the verb in a process of its own, asked like a browser does."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from platform import ui
from platform.backend import interface
from platform.backend.tracking_store import client_of

import pytest
from conftest import ROOT, clean_environment


def test_a_store_that_is_not_there_is_refused_and_not_made(tmp_path, capfd):
    assert ui.main(["--storage", str(tmp_path / "none")]) == 2
    error = capfd.readouterr().err
    assert "nothing has been recorded in sqlite:///" in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_server_shows_its_interface_itself(capfd):
    assert ui.main(["--tracking-uri", "https://ada:s3cret@mlflow.example/", "--no-browser"]) == 0
    said = capfd.readouterr().out
    assert "https://ada:***@mlflow.example/#/experiments" in said and "s3cret" not in said


def test_a_port_that_is_taken_is_passed_over():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = taken.getsockname()[1]
        assert first < interface._free_port(first) < first + interface._PORTS


@pytest.mark.slow
def test_it_serves_the_runs_to_this_machine_until_it_is_interrupted(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client_of(uri).create_experiment("digits")
    words = [sys.executable, "-m", "platform.ui", "--storage", str(tmp_path), "--no-browser"]
    process = subprocess.Popen(
        words, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline().strip() for _ in range(5)]
    address = lines[1].removeprefix("MLflow:   ").split("/#/")[0]
    assert address.startswith("http://127.0.0.1:") and lines[2] == f"store:    {uri}"
    assert lines[4] == "Ctrl-C ends it"
    asked = urllib.request.Request(
        f"{address}/api/2.0/mlflow/experiments/search",
        json.dumps({"max_results": 9}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        names = {experiment["name"] for experiment in json.load(answer)["experiments"]}
    assert "digits" in names
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    port = address.rsplit(":", 1)[1].encode()
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"--port\0" + port in _read(p)]


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
