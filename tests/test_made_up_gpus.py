"""GPUs that Ray was told of and that are not there: work goes to them, and is told that they are missing."""

import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray
import torch
from conftest import ROOT, clean_environment

from trainables.core.errors import UsageError
from trainables.workers.device import worker_device

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="the GPUs must not be there")
AUTHENTICATION = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "a-token-for-this-test-alone-0123456789",
}
SWEEP = [sys.executable, "-m", "platform.sweep", "nested", "digits", "--preset", "smoke"]


@pytest.fixture(scope="module")
def address():
    """A head node with two made-up GPUs, which ends with its own process: `ray stop` would stop any."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short, as names of sockets must be
    words = ["start", "--head", "--block", "--port", str(port), "--num-cpus", "4", "--num-gpus", "2",
             "--temp-dir", folder, "--include-dashboard", "false", "--node-ip-address", "127.0.0.1",
             "--disable-usage-stats"]  # fmt: skip
    ray_itself = Path(sys.executable).parent / "ray"
    with subprocess.Popen(
        [str(ray_itself), *words],
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment(**AUTHENTICATION),
    ) as head:
        assert head.stdout is not None
        said = iter(head.stdout.readline, "")
        assert any("Ray runtime started" in line for line in said)
        yield f"127.0.0.1:{port}"
        head.terminate()
        head.communicate()
    shutil.rmtree(folder, ignore_errors=True)


def _swept(address: str, storage: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*SWEEP, "--storage", str(storage), *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=clean_environment(RAY_ADDRESS=address, **AUTHENTICATION),
    )  # fmt: skip


@pytest.mark.slow
def test_an_actor_that_is_lent_a_gpu_that_is_not_there_says_so():
    ray.init(address="local", num_cpus=1, num_gpus=1, include_dashboard=False, log_to_driver=False)
    try:
        share = ray.remote(num_cpus=1, num_gpus=0.5, max_retries=0)(worker_device)
        with pytest.raises(
            UsageError, match="but torch finds no CUDA device there: mend its"
        ) as error:
            ray.get(share.remote())
        assert error.value.cause.args[0].startswith("Ray lent GPU ")
        alone = ray.remote(num_cpus=1)(worker_device)
        assert ray.get(alone.remote()) == torch.device("cpu")
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_a_sweep_says_in_one_line_that_they_are_missing(address, tmp_path):
    done = _swept(address, tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.stderr.startswith("error: GPUs of the Ray cluster cannot be used: Ray lent GPU ")
    assert "--gpus-per-trial 0" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_workers_that_the_gpus_have_no_room_for_are_refused(address, tmp_path):
    done = _swept(address, tmp_path, "--workers", "4", "--gpus-per-trial", "1")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "--workers is 4, but with 1 GPU each there is room for 2 trials" in done.stderr
