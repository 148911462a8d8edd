"""Points under degradations that they were not trained on: losses, their tests, and the verb."""

import csv
import io
import itertools
import json
from dataclasses import replace
from pathlib import Path
from platform import transfer as verb
from platform.backend.cluster import Cluster
from platform.backend.session import TrackedSession
from platform.backend.tracking import Tracker
from platform.backend.tracking_store import client_of
from platform.cli.console import Console
from platform.planning.plan import Plan
from platform.planning.setup import kinds_of, setup_of
from platform.robustness.comparison import findings, losses_of
from platform.robustness.points import points_of
from platform.robustness.report import save
from platform.robustness.work import Row, Work, record, rows_of, work_of

import numpy as np
import pytest
import torch
from conftest import run_verb
from helpers import DIGITS, tiny_task
from scipy import stats

from dashboards.figure_files import figure_files
from dashboards.heat_map import heat_map
from dashboards.points import ReportedPoint
from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.data.degradation import Degradation
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.losses import Transferred, loss, loss_difference
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import per_image
from trainables.scoring.metric_names import BY_ACCURACY
from trainables.scoring.statistics import holm
from trainables.training.part_store import in_order

GN30, BLUR, HALF = (Degradation("gn30"), Degradation("blur"), Degradation("none", 0.5))


def _runs(*answers):
    return [Measurement({}, {}, correct, {"nfe": 2.0, "nfe_signal": 1.0}) for correct in answers]


def _drawn(chance, name, images=200, seeds=2):
    """Answers of which each is right with that chance."""
    generator = np.random.default_rng(generator_of(name).initial_seed())
    rows = generator.random((seeds, images)) < chance
    return _runs(*("".join("1" if right else "0" for right in row) for row in rows))


def test_a_loss_is_the_mean_difference_from_the_usual_accuracy():
    usual, blur, half = _runs("1111", "1110"), _runs("1010", "1100"), _runs("1111", "0000")
    found = loss(Transferred(usual, [blur, half]))
    each = [per_image(usual) - per_image(other) for other in (blur, half)]
    expected = np.mean(each, axis=0)
    assert found.difference == pytest.approx(7 / 8 - (4 / 8 + 4 / 8) / 2)
    width = stats.t.interval(0.95, 3, expected.mean(), stats.sem(expected))
    assert (found.low, found.high) == pytest.approx(width)
    # Exactly: all signs of the images' lost answers, counted.
    lost = np.round(expected * 4).astype(int)
    sums = [abs(np.dot(lost, signs)) for signs in itertools.product((1, -1), repeat=4)]
    assert found.p_value == pytest.approx(np.mean(np.array(sums) >= abs(lost.sum())))
    assert loss(Transferred(usual, [usual])).difference == 0
    easier = loss(Transferred(blur, [usual]))
    assert easier.difference < 0


def test_losses_are_compared_image_by_image():
    usual, poor = _runs("11111111"), _runs("11110000")
    one, other = Transferred(usual, [poor]), Transferred(usual, [usual])
    found = loss_difference(one, other)
    assert found.difference == pytest.approx(0.5)
    assert found.p_value == pytest.approx(2 * 0.5**4)
    assert loss_difference(other, one).difference == pytest.approx(-0.5)
    assert loss_difference(one, one).p_value == 1.0
    with pytest.raises(UsageError, match="same images"):
        loss_difference(one, Transferred(_runs("1111"), [_runs("1111")]))
    with pytest.raises(UsageError, match="other degradations"):
        loss(Transferred(usual, []))


def _row(label, strategy, chances, restores=True, compared=True, trained=GN30):
    point = ReportedPoint(label, strategy, "front", {})
    runs = {
        tested: _drawn(chance, f"{label}/{tested.written}")
        for tested, chance in zip((GN30, BLUR, HALF), chances, strict=True)
    }
    return Row(point, trained, compared, restores, runs)


def _rows():
    return [
        _row("nested (best)", "nested", (0.95, 0.90, 0.85)),
        _row("enhanced (best)", "enhanced", (0.90, 0.50, 0.60)),
        _row("retrained", "retrained", (0.97, 0.55, 0.65), restores=False),
        _row("noisy", "noisy", (0.50, 0.90, 0.95), restores=False, compared=False),
    ]


def test_the_least_loss_is_found_and_every_pair_is_tested():
    tested = (GN30, BLUR, HALF)
    losses = losses_of(_rows(), tested)
    assert losses[0].row.point.label == "nested (best)"
    assert {one.row.point.label for one in losses} == {
        "nested (best)",
        "enhanced (best)",
        "retrained",
    }
    points = {
        one.row.point.label: Transferred(
            one.row.runs[GN30], [one.row.runs[BLUR], one.row.runs[HALF]]
        )
        for one in losses
    }
    pairs = list(itertools.combinations(points, 2))
    alone = [loss_difference(points[a], points[b]) for a, b in pairs]
    by_label = {one.row.point.label: one for one in losses}
    for (a, b), test, p in zip(pairs, alone, holm([t.p_value for t in alone]), strict=True):
        assert by_label[a].corrected[b] == pytest.approx((test.difference, p))
        assert by_label[b].corrected[a] == pytest.approx((-test.difference, p))
    partly = replace(_rows()[0], runs={GN30: _drawn(0.9, "x")})
    assert losses_of([partly], tested) == []


def test_it_says_which_loses_least_and_how_frozen_and_retrained_differ():
    first, second, third = findings(losses_of(_rows(), (GN30, BLUR, HALF)))
    assert "trained on gn30, nested (best) loses least of 3: " in first
    assert "the difference from all others is beyond chance" in first
    assert "Holm's correction for 3 tests" in first
    assert "and retrained, which loses" in second and "points, differ: " in second
    assert "loses less: nested (best) (-" in second and "not told from it: enhanced" in second
    assert "the most accurate there is nested (best)" in third
    worse = [replace(row, restores=row.point.strategy == "enhanced") for row in _rows()]
    told = findings(losses_of(worse, (GN30, BLUR, HALF)))[1]
    assert "are not told apart: not told from it: enhanced" in told and "loses less" not in told
    alike = [
        _row("nested", "nested", (0.9, 0.8, 0.8)),
        _row("card", "card", (0.9, 0.8, 0.8), False),
    ]
    (least, _) = findings(losses_of(alike, (GN30, BLUR, HALF)))
    assert "not told from " in least
    assert findings(losses_of(alike[:1], (GN30, BLUR, HALF))) == []


def test_a_heat_map_has_every_cell_with_its_interval_and_frames_what_was_trained():
    cells = {(0, 0): {"accuracy": 0.9, "accuracy_low": 0.85, "accuracy_high": 0.94},
             (1, 1): {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6}}  # fmt: skip
    figure = heat_map(
        "title", ["nested", "card"], ["gn30", "blur"], cells, BY_ACCURACY, [(0, 0), (1, 0)], "note"
    )
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["90.0\n[85.0, 94.0]", "50.0\n[40.0, 60.0]"]
    assert [patch.get_xy() for patch in axes.patches] == [(-0.5, -0.5), (-0.5, 0.5)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["nested", "card"]
    shown = axes.images[0].get_array()
    assert shown[0, 0] == pytest.approx(90) and np.isnan(np.ma.filled(shown, np.nan)[0, 1])
    files = figure_files("map", figure)
    assert files["map.png"].startswith(b"\x89PNG") and b"<svg" in files["map.svg"]


@pytest.fixture
def setup(tmp_path):
    places = str(tmp_path), "sqlite:///x.db"
    return setup_of(Plan("noisy", "digits", "gn30", "smoke", 4, 0, 1, 0.0, *places))


def _write_sweep(setup, strategy, baselines=()):
    """What a finished sweep leaves: three points, of which the second is the best."""
    values = [
        {"label": f"{strategy} #{n}", "strategy": strategy, "role": "front", "point": {"steps": n}}
        for n in (1, 2, 3)
    ]
    folder = setup_of(replace(setup.plan, strategy=strategy)).folder
    folder.mkdir(parents=True)
    content = {"front": values, "baselines": list(baselines), "best": f"{strategy} #2"}
    (folder / "summary.json").write_text(json.dumps(content))


def test_without_sweeps_the_papers_points_and_the_baselines_are_measured(setup):
    labels = [point.label for point in points_of(setup, (), every=False)]
    assert labels == [
        "parallel (paper)", "alternating (paper)", "nested (paper)", "guided (paper)",
        "didicm-cp (paper)", "noisy", "enhanced (paper)",
        "card (paper)", "retrained",
    ]  # fmt: skip
    named = [point.label for point in points_of(setup, ("logit-only", "enhanced"), every=False)]
    assert named == ["logit-only (paper)", "enhanced (paper)", "noisy", "card (paper)", "retrained"]


def test_of_sweeps_the_points_that_they_confirmed_are_measured(setup):
    confirmed = [
        {
            "label": f"card ({role})",
            "strategy": "card",
            "role": "baseline",
            "point": {"steps": steps},
        }
        for role, steps in (("paper", 10), ("best", 5))
    ]
    _write_sweep(setup, "nested", confirmed)
    _write_sweep(setup, "enhanced")
    points = points_of(setup, (), every=False)
    assert [point.label for point in points] == [
        "nested #2", "noisy", "enhanced #2", "card (best)", "retrained",
    ]  # fmt: skip
    assert points[0].point == {"steps": 2} and points[3].point == {"steps": 5}
    every = [point.label for point in points_of(setup, (), every=True)]
    assert every == [
        "nested #2", "noisy", "enhanced #2", "card (best)", "retrained", "nested #1", "nested #3",
        "card (paper)",
    ]  # fmt: skip
    other = setup_of(replace(setup.plan, corruption="blur"))
    assert points_of(other, (), every=False)[0].label == "parallel (paper)"


def _work(tmp_path, *words):
    where = ["--storage", str(tmp_path), "--preset", "smoke"]
    return work_of(verb._parse([*words, *where]))


def test_what_is_trained_and_tested_follows_from_the_words(tmp_path):
    work = _work(tmp_path, "digits")
    assert [setup.plan.degradation for setup in work.setups] == [GN30]
    assert [tested.written for tested in work.tested] == [
        "gn30", "blur", "gn15", "gn45", "none", "none@0.5",
    ]  # fmt: skip
    assert work.folder == tmp_path / "transfer" / "digits-gn30-smoke-seed0"
    words = ["--trained", "gn15,gn30@0.5", "--tested", "gn15,blur", "--train-fraction", "0.5"]
    work = _work(tmp_path, "digits", *words)
    assert [setup.plan.resolution for setup in work.setups] == [1.0, 0.5]
    assert {setup.plan.train_fraction for setup in work.setups} == {0.5}
    assert [tested.written for tested in work.tested] == ["gn15", "gn30@0.5", "blur"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("digits --trained gn3", "did you mean 'gn30'"),
        ("digits --tested gn15,,blur", "a degradation is empty"),
        ("digits --tested gn15@x", "is no number"),
        ("digits --tested none@0.1", "leaves 1×1 pixels"),
        ("digits --tested gn30", "name another by --tested"),
        ("digits --resolution 0.5", "leave out --resolution"),
        ("digits --points some", "--points"),
        ("digits --strategies nestd", "did you mean 'nested'"),
        ("digitz", "did you mean 'digits'"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, words, message):
    with pytest.raises(UsageError, match=message):
        _work(tmp_path, *words.split())


@pytest.fixture
def measured(tmp_path, parts):
    """What is asked for on tiny parts that are stored for two conditions, with a record of every point."""
    places = str(tmp_path), f"sqlite:///{tmp_path}/m.db"
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, *places)
    setups = []
    for resolution in (1.0, 0.5):
        setup = setup_of(replace(plan, resolution=resolution))
        budget = replace(setup.budget, confirm_limit=24)
        setup = replace(setup, budget=budget, task=replace(tiny_task(), resolution=resolution))
        for kind in in_order(kinds_of(["nested", *setup.baselines])):
            setup.storage.parts.save(kind, setup.task, parts[kind], {"seconds": 1.0})
        setups.append(setup)
    tested = (GN30, Degradation("gn30", 0.5), BLUR)
    work = Work(tuple(setups), tested, ("nested",), False, tmp_path / "transfer")
    for setup in setups:
        for point in points_of(setup, work.names, every=False):
            evaluator = Evaluator(
                setup.task, point.strategy, setup.storage, 24, torch.device("cpu"), dataset=DIGITS
            )
            for sampling in setup.job("test", 1).samplings():
                for degradation in tested:
                    evaluator.measure(point.point, replace(sampling, tested=degradation))
    return work


def test_what_was_measured_becomes_rows_runs_files_and_sentences(measured, tmp_path):
    stream, rows = io.StringIO(), []
    console = Console(stream)
    for setup in measured.setups:
        with Cluster() as cluster:
            session = TrackedSession(setup, cluster, console, Tracker(setup))
            found = rows_of(measured, session)
            rows += found
            record(session, found, list(save(measured, rows).values()))
    labels = ["nested (paper)", "noisy", "enhanced (paper)", "card (paper)", "retrained"]
    assert [row.point.label for row in rows] == 2 * labels
    assert [row.restores for row in rows[:5]] == [True, False, True, False, False]
    assert [row.compared for row in rows[:5]] == [True, False, True, True, True]
    half = rows[6]  # noisy: what it is trained on does not matter
    assert half.trained == Degradation("gn30", 0.5)
    for tested in measured.tested:
        assert half.metrics(tested)["accuracy"] == rows[1].metrics(tested)["accuracy"]
    client = client_of(measured.setups[0].plan.tracking_uri)
    experiment = client.get_experiment_by_name("digits").experiment_id
    runs = client.search_runs([experiment], "tags.stage = 'transfer'", max_results=1000)
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(parents) == 2 and len(runs) == 2 + 2 * 5 * 3
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["tested"] for run in runs if run not in parents} == {
        "gn30", "gn30, resolution 0.5", "blur",
    }  # fmt: skip
    content = json.loads((measured.folder / "transfer.json").read_text())
    assert content["tested"] == ["gn30", "gn30@0.5", "blur"] and len(content["losses"]) == 2 * 4
    assert sum("loses least of 4" in line for line in content["found"]) == 2
    lines = list(csv.DictReader((measured.folder / "transfer.csv").open()))
    assert len(lines) == 30 and {"top5", "accuracy_low", "tested"} <= set(lines[0])
    for name in ("transfer.png", "transfer.svg"):
        assert (measured.folder / name).stat().st_size > 1000
    assert "starting Ray" not in stream.getvalue()


@pytest.mark.slow
def test_the_verb_trains_measures_records_and_says_what_it_found(tmp_path):
    """At reduced resolution and on half of the training split; the second time nothing is measured."""
    words = ["digits", "--preset", "smoke", "--storage", tmp_path / "runs", "--strategies", "nested",
             "--trained", "none@0.5", "--tested", "blur", "--train-fraction", "0.5"]  # fmt: skip
    text, summary = run_verb("transfer", *words, file=tmp_path / "out.json")
    (folder,) = (tmp_path / "runs" / "transfer").iterdir()
    assert folder.name == "digits-resolution-0.5-train-fraction-0.5-smoke-seed0"
    assert json.loads((folder / "transfer.json").read_text()) == summary
    assert summary["tested"] == ["none@0.5", "blur"] and len(summary["rows"]) == 5
    assert len(summary["losses"]) == 4  # noisy is not trained on what is tested
    assert "found:" in text and "losses where training was on resolution 0.5" in text
    names = [part.name for part in (tmp_path / "runs" / "parts" / "digits").iterdir()]
    assert any(name.startswith("nested-resolution-0.5-train-fraction-0.5-") for name in names)
    assert any(name.startswith("classifier-train-fraction-0.5-") for name in names)
    again, same = run_verb("transfer", *words, file=tmp_path / "again.json")
    assert "measuring on the test split" not in again and same["rows"] == summary["rows"]
    assert Path(folder / "transfer.log").is_file()
