"""GPUs that Ray was told of and that are not there: work goes to them, and is told that they are missing."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from platform.backend.allocation import Node, allocation
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
import ray
import torch
from conftest import ROOT, clean_environment
from ray_nodes import AUTHENTICATION, nodes

from trainables.core.errors import UsageError
from trainables.workers.device import worker_device

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="the GPUs must not be there")
_PLACED = """
import json, ray
ray.init(address={address!r}, log_to_driver=False)

class Actor:
    def place(self):
        return ray.get_runtime_context().get_node_id(), ray.get_gpu_ids()

places = []
for actors, share in {cases!r}:
    made = [ray.remote(num_cpus=1, num_gpus=share)(Actor).remote() for _ in range(actors)]
    places.append(ray.get([actor.place.remote() for actor in made]))
    for actor in made:
        ray.kill(actor)
print(json.dumps(places))
"""
SWEEP = [sys.executable, "-m", "platform.sweep", "nested", "digits", "--preset", "smoke"]


@pytest.fixture(scope="module")
def address():
    """A head node with two made-up GPUs."""
    with nodes("--num-cpus", "4", "--num-gpus", "2") as cluster:
        yield cluster.address


def _setup(share: float):
    """The setup of a plan with that share of a GPU for each trial."""
    where = "/s", "sqlite:///x.db"
    return setup_of(Plan("nested", "digits", "gn30", "smoke", 24, 0, 0, share, *where))


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
def test_allocations_find_their_place_on_several_nodes_of_several_gpus():
    """All actors of an allocation run at a time: no GPU has more of them than its shares, and a node without
    GPUs has none.
    """
    machines = [(4, 2), (6, 4), (3, 0)]
    shares = (0.6, 1 / 3)
    given = [
        allocation(_setup(share), [Node(cpus, gpus) for cpus, gpus in machines]) for share in shares
    ]
    assert [each.actors for each in given] == [6, 10]
    words = [("--num-cpus", str(cpus), "--num-gpus", str(gpus)) for cpus, gpus in machines]
    with nodes(*words[0]) as cluster:
        for each in words[1:]:
            cluster.join(*each)
        code = _PLACED.format(
            address=cluster.address,
            cases=[(each.actors, each.gpu_request) for each in given],
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            capture_output=True, text=True, check=False, env=clean_environment(**AUTHENTICATION),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for each, places in zip(given, json.loads(done.stdout), strict=True):
        on_gpus = Counter((node, gpu) for node, (gpu,) in places)
        assert len(places) == each.actors and len({node for node, _ in on_gpus}) == 2
        assert max(on_gpus.values()) <= each.trials_a_gpu


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
