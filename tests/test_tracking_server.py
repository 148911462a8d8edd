"""A sweep that records to a tracking server, named by MLflow's own environment variable."""

import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import ROOT, clean_environment

pytestmark = pytest.mark.slow


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


def test_a_sweep_records_to_a_server(server, tmp_path):
    command = [sys.executable, "-m", "platform.sweep", "nested", "digits", "--preset", "smoke"]
    done = subprocess.run(
        [*command, "--storage", str(tmp_path / "runs")], cwd=ROOT, capture_output=True, text=True,
        env=clean_environment(MLFLOW_TRACKING_URI=server), timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "runs" / "mlflow.db").exists()
    from mlflow import MlflowClient

    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("digits").experiment_id
    (parent,) = client.search_runs([experiment], "tags.stage = 'sweep'")
    assert parent.info.status == "FINISHED"
    assert len(client.search_runs([experiment], "tags.stage = 'trial'")) == 4
    names = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {"front.png", "front.csv", "summary.json"} <= names
