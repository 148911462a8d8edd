"""A sweep that `platform.submit` sends to a cluster begun with `ray start --head`, with the token that Ray
asks for: it leaves GPUs that are not there unused, and records to a tracking server that MLflow's environment
variable names.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment
from helpers import DISPLAYED, turns_of_waiting

from trainables.core import threads

BIN = Path(sys.executable).parent

pytestmark = pytest.mark.slow


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def cluster(tmp_path):
    """A head node with a dashboard, and the environment of its clients."""
    pytest.importorskip("aiohttp_cors", reason="the extra `cluster` is not installed")
    port, dashboard = _free_port(), _free_port()
    environment = clean_environment(
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN="a-token-for-this-test-alone-0123456789",
        PATH=f"{BIN}:/usr/bin:/bin",
        **DISPLAYED,
    )
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short, as names of sockets must be
    words = ["start", "--head", "--block", "--port", port, "--dashboard-port", dashboard,
             "--num-cpus", "2", "--num-gpus", "2", "--temp-dir", folder,
             "--node-ip-address", "127.0.0.1", "--disable-usage-stats",
             # Of a port that another Ray of this machine has, the agent that takes jobs dies.
             "--dashboard-agent-listen-port", _free_port(),
             "--dashboard-agent-grpc-port", _free_port()]  # fmt: skip
    # It ends with its own process: `ray stop` would stop any cluster of this machine.
    with subprocess.Popen(
        [str(BIN / "ray"), *words], stdout=subprocess.PIPE, text=True, env=environment
    ) as head:
        assert head.stdout is not None
        said = iter(head.stdout.readline, "")
        assert any("Ray runtime started" in line for line in said)
        yield environment, f"http://127.0.0.1:{dashboard}"
        head.terminate()
        head.communicate()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(tmp_path):
    """An MLflow server on this machine; its URI."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store, artifacts = f"sqlite:///{tmp_path}/server.db", str(tmp_path / "artifacts")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    where = ["--backend-store-uri", store, "--artifacts-destination", artifacts, "--workers", "1"]
    process = subprocess.Popen(
        [*command, *where],
        cwd=tmp_path, env=clean_environment(PYTHONPATH=""), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    uri, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{uri}/health", timeout=2).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "no server"
            time.sleep(0.5)
    yield uri
    process.terminate()
    process.wait(30)


def test_a_sweep_runs_as_a_job(cluster, server, tmp_path):
    environment, address = cluster
    storage = tmp_path / "runs"
    done = subprocess.run(
        [sys.executable, "-m", "platform.submit", "nested", "digits", "--preset", "smoke",
         "--storage", str(storage), "--gpus-per-trial", "0", "--address", address],
        cwd=ROOT, env=environment | {"MLFLOW_TRACKING_URI": server}, capture_output=True, text=True,
        timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "has succeeded" in done.stdout and "MLFLOW_TRACKING_URI" in done.stdout
    assert f"--address {address}" in done.stdout.split("stop:")[1].splitlines()[0]
    assert "nested (paper)" in done.stdout and "5/5" in done.stdout
    (log,) = storage.glob("sweeps/**/sweep.log")
    waiting = turns_of_waiting(log.read_text()).values()
    assert set().union(*waiting) == {threads.ENVIRONMENT["GOMP_SPINCOUNT"]}
    (summary,) = storage.glob("sweeps/**/summary.json")
    assert json.loads(summary.read_text())["front"]
    _check_gpus_are_left(done.stdout)
    _check_runs(server)
    assert not (storage / "mlflow.db").exists()
    shutil.rmtree(storage)


def _check_gpus_are_left(out: str) -> None:
    """Ray was told of two GPUs, the sweep not to use them, and so are the commands that it prints."""
    (devices,) = [line for line in out.splitlines() if "devices:  " in line]
    assert "2 CPUs, 2 GPUs left unused, as --gpus-per-trial is 0" in devices
    assert "--gpus-per-trial 0" in out.split("\nreplay nested ")[1]


def _check_runs(server: str) -> None:
    """The server has the sweep, its trials and its files."""
    from mlflow import MlflowClient

    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("digits").experiment_id
    (parent,) = client.search_runs([experiment], "tags.stage = 'sweep'")
    assert parent.info.status == "FINISHED"
    assert len(client.search_runs([experiment], "tags.stage = 'trial'")) == 4
    names = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {"front.png", "front.csv", "summary.json"} <= names
