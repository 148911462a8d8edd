"""A sweep as a job on a cluster begun with `ray start --head`, with the token that Ray asks for."""

import json
import shutil
import socket
import subprocess
import sys
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
        RAY_TMPDIR="/tmp",
        PATH=f"{BIN}:/usr/bin:/bin",
        **DISPLAYED,
    )

    def ray(*words: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(BIN / "ray"), *words],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False,
            **options,
        )  # fmt: skip

    started = ray(
        "start", "--head", "--port", port, "--dashboard-port", dashboard, "--num-cpus", "2"
    )
    assert started.returncode == 0, started.stdout + started.stderr
    yield ray, f"http://127.0.0.1:{dashboard}"
    ray("stop", "--force")


def test_a_sweep_runs_as_a_job(cluster, tmp_path):
    ray, address = cluster
    storage = tmp_path / "runs"
    done = ray(
        "job", "submit", "--address", address, "--working-dir", ".", "--",
        "python", "-m", "platform.sweep", "nested", "digits", "--preset", "smoke",
        "--storage", str(storage),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "succeeded" in done.stdout
    assert "nested (paper)" in done.stdout and "5/5" in done.stdout
    (log,) = storage.glob("sweeps/**/sweep.log")
    waiting = turns_of_waiting(log.read_text()).values()
    assert set().union(*waiting) == {threads.ENVIRONMENT["GOMP_SPINCOUNT"]}
    (summary,) = storage.glob("sweeps/**/summary.json")
    assert json.loads(summary.read_text())["front"]
    shutil.rmtree(storage)
