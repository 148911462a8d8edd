"""A sweep that `platform.submit` sends to a cluster of two nodes begun with `ray start`, with the token that
Ray asks for: it trains and searches on both, leaves GPUs that are not there unused, and records to a tracking
server that MLflow's environment variable names.
"""

import json
import shutil
import subprocess
import sys

import pytest
from conftest import HANG, ROOT, clean_environment
from helpers import DISPLAYED, turns_of_waiting
from ray_nodes import AUTHENTICATION, RAY, nodes
from servers import mlflow_server

from trainables.core import threads

pytestmark = [pytest.mark.slow, pytest.mark.long(5)]


@pytest.fixture
def cluster():
    """Two nodes of a CPU each, of which the head takes jobs, and the environment of its clients."""
    pytest.importorskip("aiohttp_cors", reason="the extra `cluster` is not installed")
    environment = {"PATH": f"{RAY.parent}:/usr/bin:/bin", **DISPLAYED}
    head = "--num-cpus", "1", "--num-gpus", "2"
    with nodes(*head, environment=environment, takes_jobs=True) as made:
        made.join("--num-cpus", "1")
        yield clean_environment(**environment, **AUTHENTICATION), made.dashboard


@pytest.fixture
def server(tmp_path):
    """An MLflow server on this machine; its URI."""
    with mlflow_server(f"sqlite:///{tmp_path}/server.db", tmp_path / "artifacts") as uri:
        yield uri


def test_a_sweep_runs_as_a_job(cluster, server, tmp_path):
    environment, address = cluster
    storage = tmp_path / "runs"
    done = subprocess.run(
        [sys.executable, "-m", "platform.submit", "nested", "digits", "--preset", "smoke",
         "--storage", str(storage), "--gpus-per-trial", "0", "--workers", "2", "--address", address],
        cwd=ROOT, env=environment | {"MLFLOW_TRACKING_URI": server}, capture_output=True, text=True,
        timeout=HANG, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "has succeeded" in done.stdout and "MLFLOW_TRACKING_URI" in done.stdout
    assert f"--address {address}" in done.stdout.split("stop:")[1].splitlines()[0]
    assert "nested (paper)" in done.stdout and "5/5" in done.stdout
    facts = [json.loads(file.read_text()) for file in storage.glob("parts/**/part.json")]
    assert facts and all(one["workers"] == 2 for one in facts), "a node has one CPU"
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
