"""Points measured on actors of a real Ray cluster."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from platform.backend.candidates import Candidate
from platform.backend.cluster import Cluster
from platform.backend.measure import measure_all, measure_under, missing_records
from platform.backend.session import Session
from platform.backend.stopwatch import seconds_alone
from platform.cli.console import Console
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
import ray
from helpers import DIGITS

import search_spaces
from trainables.data.degradation import Degradation
from trainables.evaluation.measurement import measurement_config
from trainables.evaluation.records import Measurement
from trainables.models.scale import LogitScale
from trainables.task import networks

_MARK = str(os.getpid())


@pytest.fixture
def setup(tmp_path):
    """A setup that asks for more test images than digits has; its classifier is untrained."""
    plan = Plan(
        "nested",
        "digits",
        "gn30",
        "paper",
        1,
        0,
        0,
        0.0,
        str(tmp_path),
        f"sqlite:///{tmp_path}/m.db",
    )
    made = setup_of(plan)
    network = networks.new_classifier(DIGITS, made.task.recipe)
    scale = LogitScale(len(DIGITS.classes))
    weights = {"network": network.state_dict(), "scale": scale.state_dict()}
    made.storage.parts.save("classifier", made.task, weights, {})
    return made


@pytest.mark.slow
def test_one_point_is_cut_by_the_splits_length_not_by_a_limit_beyond_it(setup, capfd, monkeypatch):
    """One run is cut into pieces for every actor: none of them may lie beyond the last image. Where a crew is
    kept, the actors of one measuring do the next one.
    """
    monkeypatch.setenv("COUPLED_TEST", _MARK)
    assert setup.budget.confirm_limit > 2 * len(DIGITS.test)
    with Cluster() as cluster:
        session = Session(setup, cluster, Console())
        with cluster.crew.kept():
            ((measured,),) = measure_all(session, [Candidate("noisy", {})], "test", 1)
            actors = set(_actors())
            tested = [Degradation("gn30"), Degradation("none", 0.5)]
            ((usual, other),) = measure_under(session, [Candidate("noisy", {})], "test", tested)
            assert actors and actors <= set(_actors())  # one that was late may have come since
        assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]
    assert len(measured.correct) == len(DIGITS.test) and measured.cost["nfe_classifier"] == 1
    assert usual[0] == measured and len(usual) == len(other) == setup.budget.confirm_seeds
    assert all(m.config["tested"]["resolution"] == 0.5 for m in other)
    assert "failed" not in capfd.readouterr().out


def test_points_without_records_at_every_seed_are_missing(tmp_path):
    where = str(tmp_path), f"sqlite:///{tmp_path}/m.db"
    made = setup_of(Plan("nested", "digits", "gn30", "smoke", 1, 0, 0, 0.0, *where))
    enhanced = search_spaces.load("enhanced").paper_point(made.task.recipe.T)
    candidates = [Candidate("noisy", {}), Candidate("enhanced", enhanced)]
    samplings = made.job("test", 1).samplings()
    assert len(samplings) > 1
    for number, sampling in enumerate(samplings):
        assert missing_records(made, candidates, "test") == candidates
        config = measurement_config(made.task, "noisy", {}, sampling)
        made.storage.records.save(Measurement(config, {}, "01", {"nfe": float(number)}))
    assert missing_records(made, candidates, "test") == candidates[1:]
    assert missing_records(made, candidates, "validation") == candidates


def _actors(method=""):
    """The actors of this test that are at a method at the moment; all of them where none is named."""
    title = f"ray::Confirmer.{method}" if method else "ray::Confirmer"
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name = (folder / "cmdline").read_bytes()
            ours = f"\0COUPLED_TEST={_MARK}\0".encode() in b"\0" + (folder / "environ").read_bytes()
            if ours and name.startswith(title.encode()):
                yield int(folder.name)


def _kill(method, count, killed):
    """Kill so many actors while they are at a method, one after the other."""
    deadline = time.monotonic() + 120
    while len(killed) < count and time.monotonic() < deadline:
        for process in _actors(method):
            if process not in killed and len(killed) < count:
                os.kill(process, signal.SIGKILL)
                killed.append(process)
        time.sleep(0.02)


@contextlib.contextmanager
def _killer(method, count, killed):
    thread = threading.Thread(target=_kill, args=(method, count, killed))
    thread.start()
    yield
    thread.join()


@pytest.mark.slow
def test_the_work_of_killed_actors_is_done_again(setup, capfd, monkeypatch):
    monkeypatch.setenv("COUPLED_TEST", _MARK)
    measuring, timing, point = [], [], Candidate("noisy", {})
    with Cluster() as cluster:
        session = Session(setup, cluster, Console())
        with _killer("tallies", 2, measuring):
            ((measured,),) = measure_all(session, [point], "test", 1)
        with _killer("seconds_alone", 1, timing):
            times = seconds_alone(session, [point] * 3)
    assert len(measuring) == 2 and len(measured.correct) == len(DIGITS.test)
    assert len(timing) == 1 and len(times) == 3 and min(times) > 0
    said = capfd.readouterr().out
    assert "failed" not in said and said.count("timing begins again") == 1
