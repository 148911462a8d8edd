"""A sweep on two nodes, of which one is killed while parts are trained, and its successor while points are
searched: it has the trials and the numbers of one that nothing happened to. So it is in a directory that the
nodes share, and where they share nothing but an object store, with runs and study in PostgreSQL.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import optuna
import pytest
import servers
from conftest import ROOT, clean_environment
from mlflow import MlflowClient
from optuna.trial import TrialState
from ray_nodes import Nodes, nodes

from trainables.core.places import is_uri, place

pytestmark = [pytest.mark.slow, pytest.mark.long(11)]
TRIALS, CPU = 8, ("--num-cpus", "1")
_FIRST = "classifier", 3  # the part that is trained first, and the update that is reported first


class Sweep:
    """A sweep on the cluster, and what it says."""

    def __init__(self, cluster: Nodes, storage: str, *words: str) -> None:
        self.storage, self.said = place(storage), ""
        self._is_uri = is_uri(storage)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "platform.sweep", "nested", "digits", "--preset", "smoke",
             "--workers", "2", "--trials", str(TRIALS), "--sampler", "random", "--storage", storage,
             *words],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=clean_environment(**cluster.environment),
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        start = time.monotonic()
        for line in self._process.stdout:
            print(f"{time.monotonic() - start:6.1f} {line}", end="")  # shown where the test fails
            self.said += line

    def wait_until(self, what: Callable[[], bool]) -> None:
        """Wait until something is the case, which must be before the sweep ends."""
        while not what():
            assert self._process.poll() is None, self.said
            time.sleep(0.2)

    def end(self) -> str:
        """Wait for the end, which must be a good one; returns all that was said."""
        status = self._process.wait()
        self._reader.join()
        assert status == 0, self.said
        return self.said

    def checkpoints(self) -> int:
        """How many checkpoints of trainings are stored at the moment."""
        return len([*self.storage.glob("training/*/checkpoint_*/state.json")])

    def began_again(self) -> bool:
        """Whether the training of the first part has begun more than once, by the history of its updates."""
        (history,) = self.storage.glob("training/*.history.jsonl")
        reports = [json.loads(line) for line in history.read_text().splitlines()]
        return sum((report["kind"], report["update"]) == _FIRST for report in reports) > 1

    def trials(self) -> int:
        """How many trials are logged: by lines of a file, or an object each."""
        if self._is_uri:
            return len([*self.storage.glob("sweeps/*/*/*/trials.jsonl/*.json")])
        logs = self.storage.glob("sweeps/*/*/*/trials.jsonl")
        return sum(file.read_text().count("\n") for file in logs)

    def parts(self) -> dict[str, bytes]:
        """The weights of all parts, by the names of their folders."""
        files = sorted(self.storage.glob("parts/**/weights.pt"))
        return {"/".join(file.parts[-3:]): file.read_bytes() for file in files}

    def records(self) -> dict[str, object]:
        """All records by their names, but for seconds and the checksums, which are of seconds too."""
        values = {}
        for file in sorted(self.storage.glob("records/**/*.json")):
            value = json.loads(file.read_text()) | {"checksum": ""}
            value["cost"] = {k: v for k, v in value["cost"].items() if "seconds" not in k}
            values[file.name] = value
        return values

    def complete(self) -> int:
        """How many trials the summary says are complete."""
        (summary,) = self.storage.glob("sweeps/**/summary.json")
        complete: int = json.loads(summary.read_text())["trials"]["complete"]
        return complete


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Sweep:
    """A finished sweep that nothing happened to, on one node."""
    with nodes("--num-cpus", "2") as cluster:
        sweep = Sweep(cluster, str(tmp_path_factory.mktemp("undisturbed")))
        assert "failed" not in sweep.end()
    return sweep


@contextmanager
def _two_nodes() -> Iterator[Nodes]:
    with nodes(*CPU) as cluster:
        cluster.join(*CPU)
        yield cluster


def _disturb(sweep: Sweep, cluster: Nodes) -> None:
    """Kill a node in the middle of training, its successor in the middle of the search; wait for the end."""
    # The one before the last is whole, whenever the node is killed.
    sweep.wait_until(lambda: sweep.checkpoints() >= 2)
    cluster.kill()
    sweep.wait_until(lambda: "nodes have left: no room for 2 training workers" in sweep.said)
    cluster.join(*CPU)
    sweep.wait_until(lambda: sweep.trials() >= 2)
    cluster.kill()
    said = sweep.end()
    assert "there is room again: the training goes on" in said
    assert "trying what failed once more: 1 trials" in said
    assert not sweep.began_again()


def _assert_same(sweep: Sweep, other: Sweep) -> None:
    assert sweep.complete() == other.complete() == TRIALS
    assert sweep.parts() == other.parts() and sweep.parts()
    assert sweep.records() == other.records() and sweep.records()


def test_nodes_that_are_killed_change_nothing(undisturbed, tmp_path):
    with _two_nodes() as cluster:
        sweep = Sweep(cluster, str(tmp_path))
        _disturb(sweep, cluster)
    _assert_same(sweep, undisturbed)


def test_nor_do_they_where_nodes_share_an_object_store_alone(undisturbed, tmp_path):
    with (
        servers.postgresql("runs", "studies") as (runs, studies),
        servers.mlflow_server(runs, tmp_path / "artifacts") as tracking,
        servers.s3(),
        _two_nodes() as cluster,
    ):
        where = "--tracking-uri", tracking, "--study-uri", studies
        sweep = Sweep(cluster, "s3://bucket/runs", *where)
        _disturb(sweep, cluster)
        _assert_same(sweep, undisturbed)
        assert _recorded(tracking) == _in_study(studies) == TRIALS


def _recorded(uri: str) -> int:
    """How many finished trials MLflow has the runs of."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    wanted = "tags.stage = 'trial' and attributes.status = 'FINISHED'"
    return len(client.search_runs([experiment.experiment_id], wanted))


def _in_study(uri: str) -> int:
    """How many complete trials a database's only study has."""
    study = optuna.load_study(study_name=None, storage=uri.replace("ql://", "ql+psycopg2://"))
    return len(study.get_trials(states=[TrialState.COMPLETE]))
