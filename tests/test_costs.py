"""The cost that a search goes by, and its bounds: real studies, made-up answers."""

import dataclasses
import io
from platform.cli.console import Console
from platform.cli.tables import table_of_points
from platform.pipeline.choice import choose
from platform.pipeline.confirm import front_trials
from platform.pipeline.headline import headline
from platform.pipeline.objectives import Objectives, objectives_of
from platform.pipeline.searcher import StudySearcher
from platform.pipeline.study import complete, open_study, within_bounds
from platform.pipeline.trial_log import TrialLog
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.planning.study_names import JOURNAL, TRIALS

import pytest

from dashboards.curves import fronts_figure
from dashboards.front import front_figure, layers_of
from dashboards.page import TrialPoint, front_page
from dashboards.pareto import Reference, hypervolume
from dashboards.points import ReportedPoint
from trainables.core.errors import UsageError
from trainables.evaluation.records import Measurement
from trainables.evaluation.summary import summary
from trainables.scoring.cost_metrics import BY_GFLOPS, BY_NFE
from trainables.scoring.metric_names import BY_ACCURACY


def _setup(tmp_path, **changes):
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 0, 0.0, str(tmp_path), "sqlite:///x.db")
    return setup_of(dataclasses.replace(plan, **changes))


def _searched(setup, *values):
    """A study with a trial for each accuracy, NFE and GFLOPs."""
    study = open_study(setup)
    log = TrialLog(setup.folder / TRIALS)
    searcher = StudySearcher(study, log, "nested", 10, "image", objectives_of(setup))
    for number, (accuracy, nfe, gflops) in enumerate(values):
        searcher.suggest(str(number))
        result = {"accuracy": accuracy, "nfe": nfe, "gflops": gflops, "records": "a"}
        searcher.on_trial_complete(str(number), result=result)
    return study


TRIALS_OF = (0.9, 4.0, 0.5), (0.8, 2.0, 0.9), (0.95, 3.0, 2.0), (0.6, 1.0, 0.1)


def test_a_study_has_the_cost_that_the_plan_names(tmp_path):
    by_nfe = _searched(_setup(tmp_path), *TRIALS_OF)
    assert [trial.values[1] for trial in complete(by_nfe)] == [4.0, 2.0, 3.0, 1.0]
    assert [trial.number for trial in front_trials(by_nfe)] == [3, 1, 2]
    by_gflops = _searched(_setup(tmp_path, cost="gflops"), *TRIALS_OF)
    assert [trial.values[1] for trial in complete(by_gflops)] == [0.5, 0.9, 2.0, 0.1]
    assert [trial.number for trial in front_trials(by_gflops)] == [3, 0, 2]


def test_a_search_by_seconds_goes_by_those_that_were_timed_alone(tmp_path):
    setup = _setup(tmp_path, cost="seconds")
    study = open_study(setup)
    log = TrialLog(setup.folder / TRIALS)
    searcher = StudySearcher(study, log, "nested", 10, "image", objectives_of(setup))
    result = {"accuracy": 0.9, "nfe": 4.0, "seconds_per_sample": 3.0, "records": "a"}
    for name, extra in (("a", {"seconds_alone": 2.0}), ("b", {})):
        searcher.suggest(name)
        searcher.on_trial_complete(name, result=result | extra)
    assert [trial.values for trial in complete(study)] == [[0.9, 2.0]]


def test_bounds_reach_optuna_as_constraints_and_the_front_keeps_to_them(tmp_path):
    setup = _setup(tmp_path, cost="gflops", max_cost=1, min_accuracy=0.8)
    study = _searched(setup, *TRIALS_OF)
    assert [trial.constraints for trial in study.trials] == [
        {"max_cost": pytest.approx(cost - 1), "min_accuracy": pytest.approx(0.8 - accuracy)}
        for accuracy, _, cost in TRIALS_OF
    ]
    assert {trial.number for trial in study.best_trials} == {0}
    assert [trial.number for trial in within_bounds(study)] == [0, 1]
    assert [trial.number for trial in front_trials(study)] == [0]


def test_where_no_trial_keeps_to_the_bounds_the_front_is_of_all(tmp_path):
    study = _searched(_setup(tmp_path, min_accuracy=0.99), *TRIALS_OF)
    assert within_bounds(study) == []
    assert [trial.number for trial in front_trials(study)] == [3, 1, 2]


def test_a_point_at_a_bound_keeps_to_it():
    assert Objectives(max_cost=0.3).constraints(0.5, 0.3) == {"max_cost": 0.0}
    assert Objectives(min_accuracy=0.7).constraints(0.7, 9.0) == {"min_accuracy": 0.0}
    assert Objectives().constraints(0.0, 1e9) == {}


def test_constraints_outlive_a_journal_that_is_lost(tmp_path):
    setup = _setup(tmp_path, max_cost=2.5)
    before = [trial.constraints for trial in _searched(setup, *TRIALS_OF).trials]
    (setup.folder / JOURNAL).unlink()
    assert [trial.constraints for trial in open_study(setup).trials] == before
    assert before[0] == {"max_cost": pytest.approx(4 / 2.5 - 1)}


def test_a_sweep_by_another_cost_or_within_bounds_is_another_sweep(tmp_path):
    changes = {}, {"cost": "gflops"}, {"max_cost": 9}, {"max_cost": 8}, {"min_accuracy": 0.5}
    assert len({_setup(tmp_path, **change).sweep_id for change in changes}) == len(changes)
    assert _setup(tmp_path, cost="nfe", max_cost=0, min_accuracy=0) == _setup(tmp_path)


@pytest.mark.parametrize("change", [{"cost": "flops"}, {"min_accuracy": 90}, {"max_cost": -1}])
def test_costs_and_bounds_that_no_plan_can_have_are_refused(tmp_path, change):
    with pytest.raises(UsageError):
        _setup(tmp_path, **change)


def _points():
    """Three points whose order by GFLOPs is another than by NFE, and two baselines; with their answers."""
    answers = {
        "nested #1": (395, 12, 0.002),
        "nested #2": (394, 10, 0.004),
        "nested #3": (300, 2, 0.03),
        "noisy": (200, 0, 0.001),
        "enhanced (paper)": (350, 50, 0.05),
    }
    points, measurements = [], {}
    for label, (right, nfe, gflops) in answers.items():
        strategy = label.split()[0]
        role = "front" if strategy == "nested" else "baseline"
        cost = {"nfe": float(nfe), "gflops": gflops}
        measured = [Measurement({}, {}, "1" * right + "0" * (400 - right), cost)]
        values = summary(measured)
        test = {"difference": 0.1, "low": 0.05, "high": 0.15, "p_value": 0.01, "p_holm": 0.02}
        tests = {"noisy": test} if role == "front" else {}
        points.append(ReportedPoint(label, strategy, role, {}, values, values, tests))
        measurements[label] = measured
    return points, measurements


def test_the_cheapest_is_cheapest_by_the_cost_of_the_search():
    assert choose(*_points()).cheapest.label == "nested #2"
    choice = choose(*_points(), Objectives(BY_GFLOPS, max_cost=0.0035, min_accuracy=0.9))
    assert choice.cheapest.label == choice.affordable.label == "nested #1"
    text = "\n".join(headline(choice, BY_ACCURACY))
    names = "cheapest and best and within 0.0035 and at least 90 %"
    assert text.startswith(f"{names}: nested #1, accuracy 98.8 % [")
    assert " at 0.002 GFLOPs; " in text and "calls" not in text


def test_the_cheapest_that_is_good_enough_is_named_where_there_is_one():
    choice = choose(*_points(), Objectives(min_accuracy=0.7))
    assert choice.sufficient.label == "nested #3"
    assert choice.words["nested #3"] == "at least 70 %"
    (line,) = [line for line in headline(choice, BY_ACCURACY) if line.startswith("at least 70 %: ")]
    assert line.startswith("at least 70 %: nested #3, accuracy 75.0 % [")
    assert line.endswith(
        " at 2 calls; the cheapest of those that are so accurate on validation images"
    )
    nobody = choose(*_points(), Objectives(min_accuracy=0.999))
    assert nobody.sufficient is None
    assert any(
        "no confirmed point is so accurate" in line for line in headline(nobody, BY_ACCURACY)
    )


def test_a_hypervolume_does_not_depend_on_the_unit_of_the_cost():
    points = [(0.5, 1.0), (0.9, 10.0), (0.4, 50.0), (0.95, 120.0)]
    by_calls = hypervolume(points, Reference(0.1, 100.0))
    scaled = [(accuracy, 3e-4 * cost) for accuracy, cost in points]
    assert hypervolume(scaled, Reference(0.1, 3e-2, 3e-4)) == pytest.approx(by_calls)


def test_figures_have_the_cost_on_their_axis():
    points, _ = _points()
    layers = layers_of(points, BY_GFLOPS)
    assert [p.label for p in layers.undominated] == ["nested #1"]
    assert [p.label for p in layers.levels] == ["noisy"]  # it calls no denoiser
    assert [p.label for p in layers_of(points).undominated] == [f"nested #{i}" for i in (3, 2, 1)]
    trials = [(0.9, 0.003), (0.5, 0.02)]
    reference = Reference(0.1, 0.5, 0.001)
    figure = front_figure("t", trials, points, {}, reference, 0.5, BY_ACCURACY, BY_GFLOPS)
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    assert axes.get_xlabel().startswith("GFLOPs") and 0.001 < low < 0.002 and 0.05 < high < 0.1
    page = front_page("t", [TrialPoint(0.9, 0.003, {})], points, {}, BY_ACCURACY, BY_GFLOPS).split(
        "Plotly.newPlot"
    )[-1]
    assert "GFLOPs 0.003" in page and "NFE" not in page
    (axes,) = fronts_figure("t", points, BY_ACCURACY, BY_GFLOPS).axes
    assert axes.get_xlabel().startswith("GFLOPs")


def test_tables_have_a_column_of_the_cost_beside_the_calls():
    points, _ = _points()
    tables = {}
    for cost in (BY_NFE, BY_GFLOPS):
        stream = io.StringIO()
        table_of_points(Console(stream, 200), "t", points, BY_ACCURACY, cost=cost)
        tables[cost] = stream.getvalue()
    assert "GFLOPs" not in tables[BY_NFE]
    header, row = tables[BY_GFLOPS].splitlines()[1:3]
    assert header.split()[:3] == ["point", "NFE", "GFLOPs"]
    assert row.split()[:4] == ["nested", "#1", "12", "0.002"]
