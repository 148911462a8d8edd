"""Sweeps are read from MLflow as they were recorded, and what is not as it must be is left out and told."""

import json
import shutil
from dataclasses import replace
from platform.backend.confirmed_run import ANSWERS
from platform.comparison.described import described, plain
from platform.comparison.read import Wanted, read_sweeps
from platform.comparison.record import mend_places

import pytest
from recorded_store import BASELINES, confirmed, plan_in, record_sweep

from dashboards.comparison.model import Setting
from trainables.core.errors import UsageError
from trainables.evaluation.summary import summary

DIGITS = Setting("digits", "gn30", "smoke", 1.0, 1.0, "image", 10, 10)
POINT = ("1", 4, 34)


@pytest.fixture(scope="module")
def recorded(empty_store, tmp_path_factory):
    """A storage with sweeps of two strategies and two training seeds; not to be written."""
    folder = tmp_path_factory.mktemp("recorded")
    uri = f"sqlite:///{shutil.copy(empty_store, folder)}"
    (folder / "gallery.npz").write_bytes(b"samples")
    record_sweep(plan_in(folder, uri), POINT, ("0", 2, 33), files=[folder / "gallery.npz"])
    record_sweep(plan_in(folder, uri, seed=1), ("1", 8, 35))
    record_sweep(plan_in(folder, uri, "parallel"), ("7", 6, 36), trials=3)
    return folder


@pytest.fixture
def store(store_uri, tmp_path):
    """A store of the test's own with a sweep: its directory, and a client of it."""
    record_sweep(plan_in(tmp_path, store_uri), POINT, ("0", 2, 33), trials=2)
    return tmp_path, _client(tmp_path)


def _client(folder):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder}/mlflow.db")


def _by_key(reading):
    return {(sweep.strategy, sweep.seed): sweep for sweep in reading.sweeps}


def _only(client):
    """The only sweep that there is."""
    (sweep,) = read_sweeps(client, None, Wanted()).sweeps
    return sweep


def test_all_that_was_recorded_is_read(recorded):
    steps = []
    reading = read_sweeps(
        _client(recorded), None, Wanted(), lambda done, total, text: steps.append((done, text))
    )
    sweeps = _by_key(reading)
    assert set(sweeps) == {("nested", 0), ("nested", 1), ("parallel", 0)} and reading.notes == ()
    assert {sweep.setting for sweep in reading.sweeps} == {DIGITS}
    assert [len(sweep.trials) for sweep in sweeps.values()] == [3, 2, 2]
    nested = sweeps["nested", 0]
    points = {point.reported.label: point for point in nested.points}
    own = ["nested #1", "nested #0", "nested (paper)"]
    assert list(points) == [*own, *(label for label, _, _ in BASELINES)]
    reported, answers = confirmed("nested #1", 4, 34)
    found = points["nested #1"]
    assert found.reported == reported
    assert (found.validation, found.test) == (answers.validation, answers.test)
    assert "-m platform.evaluate nested digits" in found.command
    assert found.command.endswith(f"--run {found.run_id}")
    assert {p.reported.role for p in nested.points} == {"front", "paper", "baseline"}
    first, second = nested.trials
    assert (first.number, second.number) == (0, 1) and first.point["steps"] == 4
    assert first.point == {"steps": 4, "eta": 0.5, "answer": "y"}
    assert second.validation["accuracy"] == 31 / 40 and second.validation["nfe"] == 5
    assert nested.gallery == b"samples" and sweeps["nested", 1].gallery is None
    assert steps[-1][0] == 3 and "parallel on digits: 8 runs" in steps[1][1]


def test_as_many_pages_as_there_are(recorded, monkeypatch):
    monkeypatch.setattr("platform.comparison.read._PAGE", 2)
    assert [len(s.trials) for s in read_sweeps(_client(recorded), None, Wanted()).sweeps] == [
        3,
        2,
        2,
    ]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted("gn30", "smoke", 1.0, 1.0, (0,)), {("nested", 0), ("parallel", 0)}),
        (Wanted(seeds=(1, 2)), {("nested", 1)}),
        (Wanted(corruption="blur"), "no finished sweep of digits with corruption blur: ask for"),
        (Wanted(preset="quick"), "with preset quick: ask for what there is: preset smoke"),
        (Wanted(resolution=0.5, seeds=(4, 5)), "resolution 0.5, seed 4 or 5: ask for .*seed 0 or 1"),
    ],
)  # fmt: skip
def test_what_is_wanted_is_read(recorded, wanted, found):
    if isinstance(found, str):
        with pytest.raises(UsageError, match=found):
            read_sweeps(_client(recorded), ["digits"], wanted)
    else:
        assert set(_by_key(read_sweeps(_client(recorded), ["digits"], wanted))) == found


def test_the_newest_finished_sweep_is_the_one_and_shares_are_settings(store):
    folder, client = store
    plan = plan_in(folder, client.tracking_uri, fresh=True)
    newer = record_sweep(plan, ("9", 3, 37), trials=1)
    record_sweep(plan, ("3", 2, 39), status="KILLED", trials=0)
    record_sweep(replace(plan, resolution=0.5), POINT, trials=0)
    whole, half = sorted(read_sweeps(client, None, Wanted()).sweeps, key=lambda s: s.trials == ())
    assert whole.run_id == newer.parent and whole.points[0].reported.label == "nested #9"
    assert (whole.setting, half.setting) == (DIGITS, replace(DIGITS, resolution=0.5))
    assert read_sweeps(client, None, Wanted(resolution=0.5)).sweeps == (half,)


def test_a_sweep_by_the_compared_cost_stands_before_newer_ones(store):
    folder, client = store
    usual = read_sweeps(client, None, Wanted())
    assert usual.notes == ()
    for change in {"cost": "gflops"}, {"max_cost": 5}:
        plan = plan_in(folder, client.tracking_uri, fresh=True, **change)
        record_sweep(plan, ("9", 3, 37), trials=1)
    assert read_sweeps(client, None, Wanted()) == usual
    by_gflops = read_sweeps(client, None, Wanted(cost="gflops"))
    assert by_gflops.sweeps[0].points[0].reported.label == "nested #9" and by_gflops.notes == ()
    bounded = read_sweeps(client, None, Wanted(cost="seconds"))  # of none that is usual the newest
    assert [note.text for note in bounded.notes] == [
        "nested, seed 0, was searched by nfe, at most 5"
    ]


def test_what_is_not_of_this_project_is_left_alone(store):
    _, client = store
    title = "theirs <b>\x1b[31m'"
    foreign = client.create_experiment(title)
    client.create_run(foreign, tags={"stage": "training"})
    assert read_sweeps(client, None, Wanted()).notes == ()
    run = client.create_run(foreign, tags={"stage": "sweep"}, run_name="ours?\n" + "x" * 500)
    client.set_terminated(run.info.run_id)
    reading = read_sweeps(client, None, Wanted())
    assert len(reading.sweeps) == 1
    (note,) = reading.notes
    assert note.title == "theirs <b>\ufffd[31m'" and note.text.startswith("the sweep 'ours?")
    assert "lacks the tag signal.kind" in note.text and note.text.isprintable()
    with pytest.raises(UsageError, match=r"has no finished sweep of theirs.*lacks the tag"):
        read_sweeps(client, [title], Wanted())


def test_a_title_that_is_not_there_is_refused_with_the_nearest(recorded):
    with pytest.raises(UsageError, match=r"no experiment 'digit' in .*did you mean 'digits'"):
        read_sweeps(_client(recorded), ["digit"], Wanted())
    with pytest.raises(UsageError, match=r"no experiment 'mnist' in .*run a sweep first"):
        read_sweeps(_client(recorded), ["mnist"], Wanted())


TAGS = {
    "strategy": "nested", "corruption": "gn30", "preset": "smoke", "resolution": "1",
    "train_fraction": "1", "seed": "3", "format": "5", "signal.kind": "image",
    "signal.classes": "10", "T": "10",
}  # fmt: skip


def _run(tags):
    """A parent run as a client hands it over."""
    from mlflow.entities import Run, RunData, RunInfo, RunTag

    info = RunInfo("run", "0", "me", "FINISHED", 0, 1, "active")
    return Run(info, RunData(tags=[RunTag(*pair) for pair in tags.items()]))


def test_a_sweep_is_described_by_its_tags():
    found = described(None, _run(TAGS), "digits")
    assert (found.setting, found.strategy, found.seed) == (DIGITS, "nested", 3)
    words = {"signal.kind": "speech", "format": "6"}
    assert described(None, _run(TAGS | words), "x").setting.classes == 10
    sentences = {"signal.kind": "speech", "signal.classes": "0", "format": "5"}
    assert described(None, _run(TAGS | sentences), "x").setting.kind == "speech"
    old = {n: v for n, v in TAGS.items() if n not in ("resolution", "train_fraction")}
    assert described(None, _run(old), "digits").setting == DIGITS


@pytest.mark.parametrize(
    ("tag", "value", "said"),
    [
        ("signal.kind", "smell", "does not say what its signals are"),
        ("signal.classes", "ten", "signal.classes is 'ten', which is no whole number"),
        ("signal.classes", "٣", "which is no whole number"),
        ("T", "-1", "the tag T is '-1'"),
        ("seed", "1e3", "the tag seed is '1e3'"),
        ("seed", "9" * 50, "which is no whole number"),
        ("resolution", "2", "the tag resolution is '2', which is no share"),
        ("resolution", "nan", "which is no share"),
        ("corruption", "", "lacks the tag corruption"),
        ("strategy", "", "lacks the tag strategy"),
        ("format", "1", "of another release, whose numbers mean something else"),
    ],
)
def test_odd_tags_are_refused(tag, value, said):
    with pytest.raises(UsageError, match=said):
        described(None, _run(TAGS | {tag: value}), "digits")


def test_sweeps_that_had_no_such_tags_are_read_by_their_dataset_and_plan(store):
    _, client = store
    sweep = _only(client)
    for tag in ("signal.kind", "signal.classes", "T"):
        client.delete_tag(sweep.run_id, tag)
    with pytest.raises(UsageError, match=r"has no finished sweep \(.*lacks the tag T\)"):
        read_sweeps(client, None, Wanted())
    client.log_text(sweep.run_id, json.dumps({"budget": {"recipe": {"T": 10}}}), "plan.json")
    reading = read_sweeps(client, None, Wanted())
    assert reading.sweeps[0].setting == DIGITS and reading.notes == ()


def test_damaged_files_are_left_out_and_missing_ones_are_none(store):
    folder, client = store
    first, second, *_ = _only(client).points
    client.log_text(first.run_id, '{"validation": [], "test": [{"correct": "1"}]}', ANSWERS)
    (folder / "artifacts" / "digits" / second.run_id / "artifacts" / ANSWERS).unlink()
    reading = read_sweeps(client, None, Wanted())
    for point, before in zip(reading.sweeps[0].points[:2], (first, second), strict=True):
        assert (point.validation, point.test) == ((), ())
        assert point.reported == before.reported
    assert len(reading.sweeps[0].points[2].test) == 2
    (note,) = reading.notes
    assert note.title == "digits"
    assert "nested, gn30, seed 0: answers of nested #1 are damaged" in note.text


def test_files_that_are_on_another_machine_are_told_once(store):
    folder, client = store
    (folder / "artifacts").rename(folder / "elsewhere")
    reading = read_sweeps(client, None, Wanted())
    assert all(point.test == () for point in reading.sweeps[0].points)
    answers, samples = (note.text for note in reading.notes)
    where = f"its files are in {folder}/artifacts/digits, which is not on this machine"
    assert answers.startswith("nested, gn30, seed 0: answers of nested #1, nested #0, ")
    assert where in answers and where in samples


def test_points_and_trials_that_lack_something_are_left_out(store):
    _, client = store
    nested = _only(client)
    client.set_tag(nested.points[0].run_id, "role", "king")
    client.set_tag(nested.trials[0].run_id, "trial", "first")
    experiment = client.get_experiment_by_name("digits").experiment_id
    tags = {"mlflow.parentRunId": nested.run_id, "stage": "trial", "trial": "5"}
    run = client.create_run(experiment, tags=tags).info.run_id
    client.log_metric(run, "validation_accuracy", float("nan"))
    client.log_metric(run, "nfe", float("inf"))
    client.set_terminated(run)
    reading = read_sweeps(client, None, Wanted())
    found = reading.sweeps[0]
    assert [point.reported.label for point in found.points[:2]] == ["nested #0", "nested (paper)"]
    assert [trial.number for trial in found.trials] == [1]
    (note,) = reading.notes
    assert "is left out: it lacks validation_accuracy, nfe" in note.text
    assert "as are 2 more of its runs" in note.text
    for point in found.points[:2]:
        client.delete_run(point.run_id)
    with pytest.raises(UsageError, match="it has no confirmed point of its own, and is left out"):
        read_sweeps(client, None, Wanted())


def test_odd_words_are_plain_and_odd_commands_none(store):
    _, client = store
    run = _only(client).points[0].run_id
    client.set_tag(run, "label", "\x1b[2J<script>\u202e 'x'")
    client.set_tag(run, "replay", "rm -rf /")
    client.log_param(run, "odd", "[" * 5000)
    point = _only(client).points[0]
    assert point.reported.label == "\ufffd[2J<script>\ufffd 'x'" and point.command == ""
    assert str(point.reported.point["odd"]).startswith("[[[") and point.reported.point["steps"] == 4
    assert len(plain("x" * 1000)) == 120 and plain("naïve 漢") == "naïve 漢"


def test_answers_give_the_metrics_that_were_recorded(recorded):
    for sweep in read_sweeps(_client(recorded), None, Wanted(seeds=(1,))).sweeps:
        for point in sweep.points:
            assert summary(point.test) == point.reported.test
            assert summary(point.validation) == point.reported.validation


def test_a_copied_store_is_made_to_name_its_own_files(recorded, tmp_path):
    folder = shutil.copytree(recorded, tmp_path / "runs")
    client = _client(folder)
    (note,) = mend_places(client, folder, ["Default", "digits"])
    assert note.startswith(f"artifacts of digits go to {folder}/artifacts/digits from now on")
    experiment = client.get_experiment_by_name("digits").experiment_id
    for run in client.search_runs([experiment], "tags.stage = 'confirm'"):
        place = folder / "artifacts" / "digits" / run.info.run_id / "artifacts"
        assert run.info.artifact_uri == place.as_uri() and (place / ANSWERS).is_file()
    assert mend_places(client, folder, ["Default", "digits"]) == []
