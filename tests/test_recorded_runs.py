"""What people see of a sweep's runs in MLflow, on a store of its own, and how they are read."""

import json
import math
import shutil
from platform.backend.saved_view import VIEW_NAME, keep_view
from platform.backend.tracking import Tracker
from platform.backend.tracking_store import client_of, parameters_of
from platform.cli.console import Console
from platform.cli.next_steps import VIEW_TAG, page_address, view_page
from platform.comparison.read import Wanted, read_sweeps
from platform.pipeline.live_front import LiveFront
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from types import SimpleNamespace

import pytest

from dashboards.colors import style_of
from dashboards.points import ReportedPoint
from dashboards.runs import sampling_parameters

TEST = {"accuracy": 0.8, "accuracy_low": 0.7, "accuracy_high": 0.9, "nfe": 12.0, "gflops": 2.0}
VALIDATION = TEST | {"accuracy": 0.85}
POINT = {
    "outer_steps": 1,
    "inner_steps": 3,
    "t_switch": 0.1167,
    "refresh_interval": 1.0,
    "eta": 0.5,
}
BEST = ReportedPoint(
    "nested #2", "nested", "front", POINT, VALIDATION, TEST,
    {"enhanced (paper)": {"difference": 0.1, "p_value": 0.03}},
)  # fmt: skip
NOISY = ReportedPoint(
    "noisy", "noisy", "baseline", {}, VALIDATION, TEST | {"accuracy": 0.3, "nfe": 0.0}
)


@pytest.fixture(scope="module")
def recorded(empty_store, tmp_path_factory):
    """A sweep as recorded: its storage, its tracker, a client of the store."""
    storage = tmp_path_factory.mktemp("recorded") / "runs"
    storage.mkdir()
    uri = f"sqlite:///{shutil.copy(empty_store, storage)}"
    plan = Plan("nested", "digits", "gn30", "smoke", 2, 0, 1, 0.0, str(storage), uri)
    tracker = Tracker(setup_of(plan))
    tracker.begin()
    for number in (1, 2):
        tracker.trial(number, POINT, VALIDATION, 1.0)
        tracker.hypervolume(0.1 * number, number)
    for reported in (BEST, NOISY):
        tracker.confirmed(reported)
    tracker.result(BEST, BEST, 2, ["nested #2 accuracy 80 %", "noisy accuracy 30 %"])
    tracker.finish("FINISHED")
    return storage, tracker, client_of(uri)


def _runs(recorded, query):
    _, tracker, client = recorded
    return client.search_runs([tracker.experiment], query)


def test_names_of_runs_say_strategy_and_point(recorded):
    names = {run.info.run_name for run in _runs(recorded, "tags.stage != 'sweep'")}
    point = "outer=1 inner=3 switch=0.117 refresh=1 eta=0.5"
    assert names == {
        f"nested {point} (trial 1)", f"nested {point} (trial 2)", f"test nested #2 {point}",
        "test noisy",
    }  # fmt: skip


def test_names_of_measures_say_the_split_and_those_of_costs_do_not(recorded):
    trial = _runs(recorded, "tags.stage = 'trial'")[0].data.metrics
    assert trial["validation_accuracy"] == 0.85 and trial["nfe"] == 12
    (best,) = _runs(recorded, "tags.label = 'nested #2'")
    assert best.data.metrics["test_accuracy"] == 0.8
    assert best.data.metrics["validation_accuracy"] == 0.85
    assert best.data.metrics["difference_vs_enhanced_paper"] == 0.1
    for metrics in (trial, best.data.metrics):
        assert "accuracy" not in metrics and "validation_nfe" not in metrics


def test_the_parent_has_few_charts_and_its_curve_is_the_first(recorded):
    _, tracker, client = recorded
    parent = client.get_run(tracker.parent)
    names = sorted(parent.data.metrics)
    assert names == [
        "hypervolume",
        "nfe",
        "test_accuracy",
        "test_accuracy_high",
        "test_accuracy_low",
    ]
    history = client.get_metric_history(tracker.parent, "hypervolume")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.1), (2, 0.2)]


def test_the_number_of_trials_is_the_one_there_is_now(recorded):
    _, tracker, client = recorded
    parent = client.get_run(tracker.parent)
    assert parent.data.tags["trials"] == "2" and "trials" not in parent.data.params


def test_the_description_says_what_was_found_and_what_to_type(recorded):
    _, tracker, client = recorded
    text = client.get_run(tracker.parent).data.tags["mlflow.note.content"]
    assert "**nested** on digits, gn30" in text and "2 trials" in text
    assert "\n- nested #2 accuracy 80 %\n- noisy accuracy 30 %\n" in text
    for wanted in ("platform.evaluate nested digits", '"outer_steps": 1', "--trials 4"):
        assert wanted in text


def test_runs_are_found_by_their_dataset(recorded):
    every = _runs(recorded, "")
    assert len(every) == 5
    assert len(_runs(recorded, "datasets.name = 'digits'")) == len(every)
    assert not _runs(recorded, "datasets.name = 'mnist'")
    assert len(_runs(recorded, "datasets.context = 'test'")) == 2


def test_a_point_is_replayed_from_its_run(recorded):
    _, _, client = recorded
    (best,) = _runs(recorded, "tags.label = 'nested #2'")
    strategy, params = parameters_of(client.tracking_uri, best.info.run_id, 0)
    assert strategy == "nested"
    assert {name: float(text) for name, text in params.items()} == POINT


def test_compare_reads_both_splits(recorded):
    _, _, client = recorded
    (sweep,) = read_sweeps(client, ["digits"], Wanted("gn30", "smoke", seeds=(0,))).sweeps
    points = {point.reported.label: point.reported for point in sweep.points}
    assert set(points) == {"nested #2", "noisy"}
    assert points["nested #2"].test == TEST and points["nested #2"].validation == VALIDATION
    assert points["nested #2"].point == POINT


def test_the_page_is_the_one_for_training_and_lies_on_the_server_where_there_is_one():
    page = page_address("sqlite:////runs/mlflow.db", "3", "abc")
    assert page == ("http://127.0.0.1:5000/#/experiments/3/runs/abc?workflowType=machine_learning")
    server = "https://mlflow.example/"
    assert page_address(server, "3") == (
        "https://mlflow.example/#/experiments/3/runs?viewStateShareKey=accuracy-by-nfe-1"
        "&compareRunsMode=CHART&workflowType=machine_learning"
    )


def test_runs_have_their_strategys_colour_and_name_for_charts(recorded):
    for run in _runs(recorded, "tags.stage != 'sweep'"):
        strategy = run.data.params["strategy"]
        assert run.data.tags["mlflow.runColor"] == style_of(strategy).color
        assert sampling_parameters(run.data.params) == {
            name: text for name, text in run.data.params.items() if name != "strategy"
        }
    (trial, _) = _runs(recorded, "tags.stage = 'trial'")
    assert trial.data.metrics["log10_nfe"] == pytest.approx(math.log10(12))
    (noisy,) = _runs(recorded, "tags.label = 'noisy'")
    assert "log10_nfe" not in noisy.data.metrics


def test_an_experiment_has_a_view_that_people_may_change(recorded):
    """The view is as the interface writes it, and its charts show metrics and parameters that runs have."""
    _, tracker, client = recorded
    tags = client.get_experiment(tracker.experiment).tags
    view = json.loads(tags[VIEW_TAG])
    assert view["name"] == VIEW_NAME and view["createdAt"] == view["updatedAt"] > 0
    state = json.loads(view["state"])
    sections = {section["uuid"] for section in state["compareRunSections"]}
    charts = state["compareRunCharts"]
    assert {chart["metricSectionId"] for chart in charts} <= sections
    assert len({chart["uuid"] for chart in charts}) == len(charts)
    (best,) = _runs(recorded, "tags.label = 'nested #2'")
    axes = [
        chart[axis]["key"]
        for chart in charts
        if chart["type"] == "SCATTER"
        for axis in ("xaxis", "yaxis")
    ]
    assert len(axes) == 6 and set(axes) <= set(best.data.metrics)
    shown = [chart["selectedParams"] for chart in charts if chart["type"] == "PARALLEL"]
    assert ["strategy"] in shown and any(set(POINT) < set(names) for names in shown)
    assert view_page(tracker.experiment) in tags["mlflow.note.content"]
    client.set_experiment_tag(tracker.experiment, VIEW_TAG, "changed")
    keep_view(client, tracker.experiment)
    assert client.get_experiment(tracker.experiment).tags[VIEW_TAG] == "changed"


def test_the_description_shows_the_front(recorded):
    _, tracker, client = recorded
    text = client.get_run(tracker.parent).data.tags["mlflow.note.content"]
    assert f"![front](get-artifact?path=front-small.png&run_uuid={tracker.parent})" in text


def test_a_search_under_way_shows_its_front_so_far_on_its_run(recorded, tmp_path):
    """Last here, since it adds a sweep to the store."""
    storage, _, client = recorded
    plan = Plan("card", "digits", "gn30", "smoke", 8, 0, 1, 0.0, str(storage), client.tracking_uri)
    setup = setup_of(plan)
    tracker = Tracker(setup)
    tracker.begin()
    with (tmp_path / "out").open("w") as file, Console(file).bar("trials") as bar:
        live = LiveFront(SimpleNamespace(setup=setup, tracker=tracker), bar)
        live.update([(0.5, 2.0)])
        first = client.get_run(tracker.parent).data.tags["mlflow.note.content"]
        live.update([(0.5, 2.0), (0.6, 4.0)])
        live.finish()
    last = client.get_run(tracker.parent).data.tags["mlflow.note.content"]
    assert "1 of 8 trials" in first and "2 of 8 trials" in last and "--trials 8" in last
    assert f"get-artifact?path=live%2Ffront.png&run_uuid={tracker.parent}" in last
    (artifact,) = client.list_artifacts(tracker.parent, "live")
    assert artifact.path == "live/front.png" and artifact.file_size > 1000
    tracker.finish("KILLED")
