"""A sweep on two nodes, of which one is killed while parts are trained, and its successor while points are
searched: it has the trials and the numbers of one that nothing happened to.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment
from ray_nodes import AUTHENTICATION, Nodes, nodes

pytestmark = pytest.mark.slow
TRIALS, CPU = 8, ("--num-cpus", "1")


@pytest.fixture
def cluster() -> Iterator[Nodes]:
    with nodes(*CPU) as made:
        made.join(*CPU)
        yield made


class Sweep:
    """A sweep on the cluster, and what it says."""

    def __init__(self, cluster: Nodes, storage: Path) -> None:
        self.storage, self.said = storage, ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "platform.sweep", "nested", "digits", "--preset", "smoke",
             "--workers", "2", "--trials", str(TRIALS), "--sampler", "random", "--storage", str(storage)],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=clean_environment(RAY_ADDRESS=cluster.address, **AUTHENTICATION),
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said += line

    def wait_until(self, what: Callable[[], bool]) -> None:
        """Wait until something is the case, which must be before the sweep ends."""
        while not what():
            assert self._process.poll() is None, self.said
            time.sleep(0.05)

    def end(self) -> str:
        """Wait for the end, which must be a good one; returns all that was said."""
        status = self._process.wait()
        self._reader.join()
        assert status == 0, self.said
        return self.said

    def lines(self, pattern: str) -> int:
        """How many lines the files of a pattern have."""
        return sum(file.read_text().count("\n") for file in self.storage.glob(pattern))

    def parts(self) -> dict[str, bytes]:
        """The weights of all parts, by their paths."""
        files = sorted(self.storage.glob("parts/**/weights.pt"))
        return {str(file.relative_to(self.storage)): file.read_bytes() for file in files}

    def records(self) -> dict[str, object]:
        """All records by their names, but for seconds and the checksums, which are of seconds too."""
        values = {}
        for file in sorted(self.storage.glob("records/**/*.json")):
            value = json.loads(file.read_text()) | {"checksum": ""}
            value["cost"] = {k: v for k, v in value["cost"].items() if "seconds" not in k}
            values[file.name] = value
        return values


def test_nodes_that_are_killed_change_nothing(cluster, tmp_path):
    undisturbed = Sweep(cluster, tmp_path / "undisturbed")
    assert "failed" not in undisturbed.end()
    sweep = Sweep(cluster, tmp_path / "disturbed")
    sweep.wait_until(lambda: sweep.lines("training/*.history.jsonl") >= 3)
    cluster.kill()
    sweep.wait_until(lambda: "nodes have left: no room for 2 training workers" in sweep.said)
    cluster.join(*CPU)
    sweep.wait_until(lambda: sweep.lines("sweeps/**/trials.jsonl") >= 2)
    cluster.kill()
    said = sweep.end()
    assert "there is room again: the training goes on" in said
    assert "trying what failed once more: 1 trials" in said
    (summary,) = sweep.storage.glob("sweeps/**/summary.json")
    assert json.loads(summary.read_text())["trials"]["complete"] == TRIALS
    assert sweep.parts() == undisturbed.parts() and sweep.parts()
    assert sweep.records() == undisturbed.records() and sweep.records()
