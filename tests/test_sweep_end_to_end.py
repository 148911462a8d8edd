"""The command as a user runs it: real Ray, real MLflow, real data, smoke size."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from platform import compare
from platform.planning.plan import Plan
from platform.planning.proposals import write_proposal
from platform.planning.setup import setup_of

import pytest
import torch
from conftest import HANG, ROOT, clean_environment
from helpers import DISPLAYED, turns_of_waiting

from dashboards.comparison.gallery_file import gallery_of
from trainables.core import threads
from trainables.core.checked_files import read_checked_json, sha256, write_checked_json

pytestmark = pytest.mark.long(12)

_WORKER = b"PYTEST_XDIST_WORKER="
COMMAND = [sys.executable, "-m", "platform.sweep", "nested", "digits", "--preset", "smoke"]


def _sweep(storage: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, "--storage", str(storage), *flags],
        cwd=ROOT, capture_output=True, text=True, env=clean_environment(**environment), timeout=HANG,
        check=False,
    )  # fmt: skip


def _client(storage: Path):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{storage}/mlflow.db")


def _runs(storage: Path, stage: str):
    client = _client(storage)
    experiment = client.get_experiment_by_name("digits").experiment_id
    return client.search_runs([experiment], f"tags.stage = '{stage}'", max_results=1000)


def _ray_processes() -> set[int]:
    """Ray's processes on this machine, by their command lines, but those of other workers of pytest-xdist."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        is_ray = any(word in command for word in (b"raylet", b"gcs_server", b"ray::"))
        if state != "Z" and is_ray and not _of_another_worker(folder):
            found.add(int(folder.name))
    return found


def _of_another_worker(process: Path) -> bool:
    """Whether a process, a folder of /proc, was started by another worker of pytest-xdist. Ray's agents write
    their titles over their environment: for them the raylet tells, which started them.
    """
    ours = os.environ.get("PYTEST_XDIST_WORKER", "").encode()
    with suppress(OSError, IndexError):
        while process.name not in ("0", "1"):
            variables = (process / "environ").read_bytes().split(b"\0")
            workers = [v[len(_WORKER) :] for v in variables if v.startswith(_WORKER)]
            if workers:
                return workers != [ours]
            parent = (process / "stat").read_text().rsplit(")", 1)[1].split()[1]
            process = process.parent / parent
    return False


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A finished smoke sweep: its storage, its summary, what it printed."""
    storage = tmp_path_factory.mktemp("swept") / "runs"
    before = _ray_processes()
    file = storage.parent / "summary.json"
    done = _sweep(storage, "--json", str(file), **DISPLAYED)
    assert done.returncode == 0, done.stdout + done.stderr
    _check_ray_leaves(before)
    (storage.parent / "stderr.txt").write_text(done.stderr)
    return storage, json.loads(file.read_text()), done.stdout


def test_the_terminal_says_what_was_found_and_what_to_type_next(swept):
    storage, summary, out = swept
    assert out.startswith("sweep nested on digits")
    for step in ("1/5", "2/5", "3/5", "4/5", "5/5"):
        assert step in out
    for name in ("noisy", "enhanced (paper)", "card (paper)", "retrained", "nested (paper)"):
        assert name in out
    for wanted in ("platform.ui", "platform.evaluate nested digits", "--trials 8", "front.png"):
        assert wanted in out
    assert f"/#/experiments/1/runs/{summary['parent_run_id']}?workflowType=machine_learning" in out
    assert "127.0.0.1" in out and str(storage) in out
    for chatter in ("raylet", "INFO", "WARNING", "alembic", "Trial status"):
        assert chatter not in out
    (log,) = storage.glob("sweeps/**/sweep.log")
    assert log.stat().st_size > 0


def test_threads_wait_as_decided_in_every_process_that_computes(swept):
    """As OpenMP itself says: in the driver, and in the workers of training, search and confirmation."""
    storage, _, _ = swept
    decided = threads.ENVIRONMENT["GOMP_SPINCOUNT"]
    driver = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", (storage.parent / "stderr.txt").read_text())
    assert driver and set(driver) == {decided}
    (log,) = storage.glob("sweeps/**/sweep.log")
    workers = turns_of_waiting(log.read_text())
    assert set().union(*workers.values()) == {decided}
    assert any(process.startswith("RayTrainWorker") for process in workers)
    processes = {process.split("pid=")[1] for process in workers}
    assert len(processes) >= 3, "a training worker, an actor that searches, one that confirms"


def test_training_has_as_many_threads_as_there_are_cpus(swept):
    """On CPUs, that is; what tests have in OMP_NUM_THREADS is another number."""
    facts = [json.loads(file.read_text()) for file in swept[0].glob("parts/**/part.json")]
    assert facts
    for fact in facts:
        assert fact["threads"] == threads.available() or fact["device"] != "cpu"


def test_the_summary_is_for_scripts(swept):
    _, summary, _ = swept
    assert summary["plan"]["strategy"] == "nested" and summary["front"] and summary["baselines"]
    assert set(summary["seconds"]) == {"plan", "prepare", "search", "confirm", "record"}
    for point in [*summary["front"], *summary["baselines"]]:
        assert len(point["run_id"]) == 32
        test = point["test"]
        assert 0 <= test["accuracy_low"] <= test["accuracy"] <= test["accuracy_high"] <= 1
    paper = next(p for p in summary["front"] if p["role"] == "paper")
    assert paper["test"]["nfe"] == 90 and paper["test"]["nfe_classifier"] == 8
    baselines = {p["label"] for p in summary["baselines"]}
    assert (
        set(paper["tests"])
        == baselines
        >= {"noisy", "enhanced (paper)", "card (paper)", "retrained"}
    )
    for test in paper["tests"].values():
        assert {"difference", "low", "high", "p_value", "p_holm"} == set(test)
    ours = {p["label"] for p in summary["front"]}
    assert {summary["best"], summary["cheapest"]} <= ours
    assert {summary["best"], summary["cheapest"]} == {point["label"] for point in summary["named"]}
    for point in summary["named"]:
        assert set(point["gains"]) <= baselines and {"noisy", "retrained"} <= set(point["gains"])
    assert any(
        line.startswith(f"{summary['best']} gains ") or " loses " in line
        for line in summary["found"]
    )
    assert set(summary["not_told_from"]) <= baselines
    assert summary["trials"] == {"asked": 4, "complete": 4, "failed": []}
    for name in ("front.csv", "front.png", "front.html", "samples.png"):
        assert Path(summary["files"][name]).stat().st_size > 0
    gallery = gallery_of({"nested": Path(summary["files"]["gallery.npz"]).read_bytes()})
    shown = {"noisy", "enhanced", "card", "retrained", "nested"}
    assert set(gallery.strategies.values()) == shown and len(gallery.numbers) == 48
    assert summary["cheapest"] in gallery.restored and not gallery.notes


def test_compare_draws_what_was_recorded(swept, capfd):
    storage, summary, _ = swept
    where = ["--preset", "smoke", "--storage", str(storage)]
    assert compare.main(["digits", *where]) == 0
    out = capfd.readouterr().out
    for point in [*summary["front"], *summary["baselines"]]:
        assert point["label"] in out and f"{100 * point['test']['accuracy']:.1f}" in out
    assert (storage / "compared" / "digits-smoke" / "comparison.html").stat().st_size > 0
    assert compare.main(["digits", "--corruption", "blur", *where]) == 2
    assert "no finished sweep of digits with corruption blur" in capfd.readouterr().err
    assert compare.main(["mnist", *where]) == 2
    assert "no experiment 'mnist'" in capfd.readouterr().err


def test_the_tracking_store_has_the_sweep_its_trials_trainings_and_confirmations(swept):
    storage, summary, _ = swept
    (parent,) = _runs(storage, "sweep")
    assert parent.info.status == "FINISHED" and parent.info.run_id == summary["parent_run_id"]
    trials = _runs(storage, "trial")
    assert len(trials) == 4
    for run in trials:
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        tags = run.data.tags
        assert (tags["strategy"], tags["split"], tags["corruption"]) == (
            "nested",
            "validation",
            "gn30",
        )
        assert {"outer_steps", "inner_steps", "t_switch", "eta"} <= set(run.data.params)
        assert {"validation_accuracy", "validation_accuracy_low", "nfe", "gflops"} <= set(
            run.data.metrics
        )
        assert run.data.metrics["gflops"] > 0
    kinds = {run.data.tags["kind"] for run in _runs(storage, "train")}
    assert kinds == {"classifier", "signal", "logit", "nested", "enhanced", "card", "retrained"}
    assert {run.data.tags["on_front"] for run in trials} <= {"true", "false"}
    assert "true" in {run.data.tags["on_front"] for run in trials}
    assert parent.data.metrics["test_accuracy"] > 0 and parent.data.tags["best"] == summary["best"]
    assert parent.data.tags["trials"] == "4"
    assert summary["best"] in parent.data.tags["mlflow.note.content"]
    confirmed = _runs(storage, "confirm")
    assert {run.data.tags["split"] for run in confirmed} == {"test"}
    assert len(confirmed) == len(summary["front"]) + len(summary["baselines"])
    client = _client(storage)
    history = client.get_metric_history(parent.info.run_id, "hypervolume")
    assert [metric.step for metric in history] == [1, 2, 3, 4]
    values = [metric.value for metric in sorted(history, key=lambda m: m.step)]
    assert values == sorted(values)
    artifacts = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {
        "front.csv",
        "front.png",
        "front.html",
        "samples.png",
        "gallery.npz",
        "live",
        "plan.json",
    } <= artifacts
    training = next(run for run in _runs(storage, "train") if run.data.tags["kind"] == "nested")
    losses = client.get_metric_history(training.info.run_id, "loss")
    assert len(losses) > 1 and all(metric.value > 0 for metric in losses)


def test_a_second_sweep_trains_and_samples_nothing(swept):
    storage, summary, _ = swept
    times = {path: path.stat().st_mtime_ns for path in storage.glob("parts/**/*.pt")}
    records = set(storage.glob("records/**/*.json"))
    file = storage.parent / "again.json"
    done = _sweep(storage, "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all parts are in the store" in done.stdout
    assert "the figures are drawn already" in done.stdout
    assert times == {path: path.stat().st_mtime_ns for path in storage.glob("parts/**/*.pt")}
    assert set(storage.glob("records/**/*.json")) == records
    again = json.loads(file.read_text())
    assert [p["test"] for p in again["front"]] == [p["test"] for p in summary["front"]]
    assert [p["run_id"] for p in again["front"]] == [p["run_id"] for p in summary["front"]]
    assert len(_runs(storage, "trial")) == 4 and len(_runs(storage, "sweep")) == 1
    confirmed = {p["run_id"] for p in [*summary["front"], *summary["baselines"]]}
    assert {run.info.run_id for run in _runs(storage, "confirm")} == confirmed


def _poison(storage: Path, network: str, weight: str) -> None:
    """Make a weight of the coupled denoisers NaN, as if they had been trained to be."""
    (folder,) = storage.glob("parts/digits/nested-*")
    weights = torch.load(folder / "weights.pt", weights_only=True)
    weights[network][weight] += float("nan")
    torch.save(weights, folder / "weights.pt")
    described = read_checked_json(folder / "part.json")
    described["sha256"] = sha256((folder / "weights.pt").read_bytes())
    write_checked_json(folder / "part.json", described)


@pytest.mark.slow
def test_trials_that_fail_are_told_and_the_sweep_carries_on(swept, tmp_path):
    """Only points that refresh the signal use the encoding of logits: with NaN in it these fail, the
    paper's point among them, and the others do not, as the one that is proposed.
    """
    storage = tmp_path / "runs"
    shutil.copytree(swept[0] / "parts", storage / "parts")
    _poison(storage, "signal", "logits.0.weight")
    where = str(storage), f"sqlite:///{storage}/mlflow.db"
    setup = setup_of(Plan("nested", "digits", "gn30", "smoke", 1, 0, 0, 0.0, *where))
    write_proposal(setup, {"t_switch": 0.0}, "it refreshes no signal")
    file = tmp_path / "summary.json"
    trials = 3
    done = _sweep(storage, "--trials", str(trials), "--sampler", "random", "--json", str(file))
    assert done.returncode == 1, done.stdout + done.stderr  # since the paper's point is missing
    assert "trial 0 failed" in done.stdout and "NonFiniteError" in done.stdout
    states = {run.data.tags["trial"]: run.info.status for run in _runs(storage, "trial")}
    summary = json.loads(file.read_text())
    complete = summary["trials"]["complete"]
    assert states["0"] == "FAILED" and 0 < complete <= trials
    assert list(states.values()).count("FINISHED") == complete
    words = " ".join(done.stdout.split())  # lines are wrapped
    if complete == trials:
        assert f"trials: all {trials} trials are complete" in words
        assert "failed twice, and others took their place: NonFiniteError" in words
    else:
        account = f"trials: {complete} of {trials} trials are complete after {len(states)} tries"
        assert f"{account}: NonFiniteError" in words and len(states) == 2 * trials + 4
        assert "the same command tries others" in words
    assert summary["missing"] == ["nested (paper)"]
    assert "missing: nested (paper): not measured; the same command tries again" in words
    front = summary["front"]
    assert front and "paper" not in {point["role"] for point in front}
    for point in front:
        assert round(point["point"]["t_switch"] * point["point"]["outer_steps"]) == 0


@pytest.mark.slow
def test_a_network_that_yields_nan_fails_every_trial_and_says_so(swept, tmp_path):
    storage = tmp_path / "runs"
    shutil.copytree(swept[0] / "parts", storage / "parts")
    _poison(storage, "logit", "out.bias")
    done = _sweep(storage, "--trials", "2")
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count("NonFiniteError") == 8 and "no trial can be used" in done.stderr
    assert "0 of 2 trials are complete after 8 tries: NonFiniteError" in done.stderr
    (parent,) = _runs(storage, "sweep")
    assert parent.info.status == "FAILED"
    assert {run.info.status for run in _runs(storage, "trial")} == {"FAILED"}


@pytest.mark.slow
def test_a_point_replays_from_its_run_bit_for_bit(swept):
    storage, summary, _ = swept
    best = max(summary["front"], key=lambda p: p["validation"]["accuracy"])
    shutil.rmtree(storage / "records")
    file = storage.parent / "replayed.json"
    where = ["--storage", str(storage), "--run", best["run_id"], "--json", str(file)]
    command = [sys.executable, "-m", "platform.evaluate", "nested", "digits", "--preset", "smoke"]
    done = subprocess.run(
        [*command, *where], cwd=ROOT, capture_output=True, text=True, env=clean_environment(),
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    replayed = json.loads(file.read_text())["points"][0]
    assert replayed["point"] == best["point"]
    for name in ("accuracy", "accuracy_low", "nfe", "nfe_classifier"):
        assert replayed["test"][name] == best["test"][name]


def _check_ray_leaves(before: set) -> None:
    """Fail where Ray's processes, but those of `before`, are still there after a minute."""
    deadline = time.monotonic() + 60
    while _ray_processes() - before:
        assert time.monotonic() < deadline, "Ray was left running"
        time.sleep(0.5)


def _interrupted(
    storage: Path, wait_for, number: int, *flags: str, command=COMMAND
) -> tuple[int, str]:
    """Start a sweep, send it a signal once `wait_for()` holds; exit status and output. One that has not ended
    two minutes later hangs."""
    out = storage.parent / "out.txt"
    with out.open("w") as file:
        sweep = subprocess.Popen(
            [*command, "--storage", str(storage), *flags],
            cwd=ROOT, stdout=file, stderr=file, env=clean_environment(), start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + HANG
        while not wait_for(out):
            assert sweep.poll() is None and time.monotonic() < deadline, out.read_text()
            time.sleep(0.2)
        os.kill(sweep.pid, number)
        status = sweep.wait(timeout=120)
    return status, out.read_text()


@pytest.mark.slow
def test_an_interrupted_search_keeps_its_trials(swept, tmp_path):
    storage = tmp_path / "runs"
    shutil.copytree(swept[0] / "parts", storage / "parts")
    before = _ray_processes()

    def some_trials(out):
        # Two actors: at most two of these records are of trials that the search has not heard of.
        return len(list(storage.glob("records/**/*.json"))) >= 4

    status, out = _interrupted(storage, some_trials, signal.SIGTERM, "--trials", "5000")
    assert status == 130 and "interrupted" in out and "Traceback" not in out
    _check_ray_leaves(before)
    (parent,) = _runs(storage, "sweep")
    assert parent.info.status == "KILLED"
    assert not [run for run in _runs(storage, "trial") if run.info.status == "RUNNING"]
    kept = len([run for run in _runs(storage, "trial") if run.info.status == "FINISHED"])
    assert kept >= 2
    done = _sweep(storage, "--trials", str(kept + 1))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "complete trials of earlier runs are kept" in done.stdout
    (parent,) = _runs(storage, "sweep")
    assert parent.info.status == "FINISHED"


@pytest.mark.slow
def test_an_interrupted_training_leaves_nothing_running(tmp_path):
    storage = tmp_path / "runs"
    before = _ray_processes()

    def training(out):
        return any(path.read_text() for path in storage.glob("training/*.jsonl"))

    status, out = _interrupted(storage, training, signal.SIGINT, command=[*COMMAND[:-1], "quick"])
    assert status == 130 and "interrupted" in out and "Traceback" not in out
    _check_ray_leaves(before)
    (parent,) = _runs(storage, "sweep")
    assert parent.info.status == "KILLED"


@pytest.mark.slow
def test_a_racing_sweep_says_what_it_stopped_and_reports_none_of_it(swept, tmp_path):
    """How many trials are stopped depends on the weights, which rounding does; that none is lost does not."""
    shutil.copytree(swept[0] / "parts", tmp_path / "parts")
    flags = ["--racing", "--trials", "14", "--workers", "1", "--json", str(tmp_path / "s.json")]
    done = _sweep(tmp_path, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "s.json").read_text())
    trials, out = summary["trials"], " ".join(done.stdout.split())
    stopped = {race["trial"] for race in trials["stopped"]}
    assert trials["complete"] + len(stopped) == 14 == trials["asked"] and not trials["failed"]
    saved = f"{trials['samplings_saved']} of {trials['samplings_of_all']} samplings were saved"
    assert f"racing: {len(stopped) or 'none'} of 14 trials" in out
    assert (saved in out) == bool(stopped) == (trials["samplings_saved"] > 0)
    runs = {int(run.data.tags["trial"]): run for run in _runs(tmp_path, "trial")}
    assert set(runs) == set(range(14))
    assert {n for n, run in runs.items() if run.info.status == "KILLED"} == stopped
    assert all(bool(run.data.metrics) == (n not in stopped) for n, run in runs.items())
    labels = {point["label"] for point in summary["front"]}
    assert labels.isdisjoint(f"nested #{number}" for number in stopped)
    assert bool(stopped) == bool(list(tmp_path.glob("records/*/*.partial.json")))
    assert "--racing" in done.stdout  # among what to type next
