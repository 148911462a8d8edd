"""The study behind a search: order, failures, resumption. Real Optuna on a real journal file."""

import dataclasses
import math
from platform.pipeline.search import SearchResult
from platform.pipeline.study import POINT, StudySearcher, complete, open_study, try_again
from platform.pipeline.trial_log import TrialLog
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.planning.study_names import TRIALS

import pytest
from optuna.trial import TrialState

import search_spaces


@pytest.fixture
def setup(tmp_path):
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 0, 0.0, str(tmp_path), "sqlite:///x.db")
    return setup_of(plan)


def _changed(setup, **changes):
    return setup_of(dataclasses.replace(setup.plan, **changes))


def _tell(searcher, trial_id, accuracy=0.5, nfe=10.0):
    result = {"accuracy": accuracy, "nfe": nfe, "records": "aa,bb"}
    searcher.on_trial_complete(trial_id, result=result)


def _searcher(setup):
    study = open_study(setup)
    log = TrialLog(setup.folder / TRIALS)
    return study, StudySearcher(study, log, "nested", setup.task.recipe.T)


def test_the_papers_point_is_first(setup):
    _, searcher = _searcher(setup)
    assert searcher.suggest("a") == pytest.approx(search_spaces.load("nested").paper_point(10))


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"accuracy": 0.5},
        {"accuracy": math.nan, "nfe": 3.0},
        {"accuracy": 0.5, "nfe": math.inf},
        {"accuracy": None, "nfe": 3.0},
    ],
)
def test_what_is_missing_or_not_finite_is_told_as_failed(setup, result):
    study, searcher = _searcher(setup)
    searcher.suggest("a")
    searcher.on_trial_complete("a", result=result)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL]
    assert searcher.failures[0] and study.trials[0].user_attrs["failure"]
    searcher.suggest("b")
    _tell(searcher, "b")
    assert len(complete(study)) == 1


def test_an_error_with_a_result_is_told_as_failed(setup):
    study, searcher = _searcher(setup)
    searcher.suggest("a")
    searcher.on_trial_complete(
        "a", result={"accuracy": 0.9, "nfe": 1.0, "records": "x"}, error=True
    )
    assert study.trials[0].state is TrialState.FAIL and not study.best_trials


def test_a_killed_search_goes_on_where_it_was(setup):
    _study, searcher = _searcher(setup)
    points = [searcher.suggest(name) for name in "abc"]
    _tell(searcher, "a", 0.6, 90.0)
    again, resumed = _searcher(setup)
    states = [trial.state for trial in again.trials]
    assert states[:3] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.FAIL]
    assert [resumed.suggest(name) for name in "de"] == points[1:]  # what was under way comes first
    assert complete(again)[0].user_attrs[POINT] == points[0]
    assert complete(again)[0].user_attrs["records"] == ["aa", "bb"]


def test_a_resumed_search_does_not_repeat_itself(setup):
    _, searcher = _searcher(setup)
    first = []
    for i in range(6):
        first.append(searcher.suggest(str(i)))
        _tell(searcher, str(i), 0.5 + i / 100, 10.0 + i)
    _, resumed = _searcher(setup)
    assert all(resumed.suggest(f"n{i}") not in first for i in range(6))


def test_the_same_seed_suggests_the_same_points(setup, tmp_path):
    other = _changed(setup, storage=str(tmp_path / "other"))
    suggested = []
    for one in (setup, other):
        _, searcher = _searcher(one)
        suggested.append([searcher.suggest(str(i)) for i in range(5)])
    assert suggested[0] == suggested[1]


def test_a_fresh_search_keeps_the_old_study_aside(setup):
    _study, searcher = _searcher(setup)
    searcher.suggest("a")
    _tell(searcher, "a")
    fresh = open_study(_changed(setup, fresh=True))
    assert complete(fresh) == [] and (setup.folder / "study.1.journal").exists()


def test_sweeps_that_differ_have_studies_of_their_own(setup):
    for change in (
        {"seed": 1},
        {"corruption": "blur"},
        {"strategy": "enhanced"},
        {"preset": "quick"},
    ):
        assert _changed(setup, **change).folder != setup.folder
    assert _changed(setup, trials=9).folder == setup.folder
    assert _changed(setup, workers=2).folder == setup.folder


def test_points_that_failed_are_suggested_once_more_before_others(setup):
    study, searcher = _searcher(setup)
    points = {trial_id: searcher.suggest(trial_id) for trial_id in "abcd"}
    _tell(searcher, "b")
    for trial_id in "acd":
        searcher.on_trial_complete(trial_id, error=True)
    try_again(study, [0, 3])
    again = [searcher.suggest(trial_id) for trial_id in "ef"]
    assert again == [points["a"], points["d"]]
    assert searcher.suggest("g") not in points.values()


def test_a_search_that_ends_short_says_how_many_failed_and_each_reason_once(setup):
    study, searcher = _searcher(setup)
    for trial_id in "ab":
        searcher.suggest(trial_id)
        _tell(searcher, trial_id)
    failures = {5: "NonFiniteError: signals", 6: "out of memory", 7: "NonFiniteError: signals"}
    assert SearchResult(study, 5, failures).shortfall == (
        "2 of 5 trials are complete, 3 failed twice: NonFiniteError: signals; out of memory"
    )
    assert SearchResult(study, 2, {}).shortfall == ""
