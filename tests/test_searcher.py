"""The study behind a search: order, failures, resumption. Real Optuna on a real journal file."""

import dataclasses
import itertools
import math
from platform.pipeline.search import SearchResult
from platform.pipeline.searcher import StudySearcher
from platform.pipeline.study import complete, open_study, try_again
from platform.pipeline.trial_log import TrialLog
from platform.pipeline.tries import most_tries, try_until_complete
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.planning.study_names import POINT, TRIALS

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


def test_a_search_says_what_failed_and_each_reason_once(setup):
    study, searcher = _searcher(setup)
    for trial_id in "ab":
        searcher.suggest(trial_id)
        _tell(searcher, trial_id)
    failures = {5: "NonFiniteError: signals", 6: "out of memory", 7: "NonFiniteError: signals"}
    assert SearchResult(study, 5, failures, 14).account == (
        "2 of 5 trials are complete after 14 tries: NonFiniteError: signals; out of memory"
    )
    assert SearchResult(study, 2, failures, 8).account == (
        "all 2 trials are complete; 3 points failed twice, and others took their place: "
        "NonFiniteError: signals; out of memory"
    )
    assert SearchResult(study, 2, {}).account == ""


def _run_of(searcher, fails):
    """Tries points as Ray Tune does, one after the other; those of numbers that `fails` holds of fail."""
    numbers = itertools.count()

    def run(count):
        failed = {}
        for _ in range(count):
            number = next(numbers)
            searcher.suggest(str(number))
            if fails(number):
                searcher.on_trial_complete(str(number), error=True)
                failed[number] = f"reason {number}"
            else:
                _tell(searcher, str(number))
        return failed

    return run


def test_a_point_that_fails_twice_is_replaced_by_another(setup):
    study, searcher = _searcher(setup)
    messages = []
    # Trial 4 is the second try of trial 1, and fails; trial 5 is another point in its place.
    run = _run_of(searcher, {1, 4}.__contains__)
    failures, tries = try_until_complete(study, 4, run, messages.append)
    assert (failures, tries) == ({4: "reason 4"}, 6)
    assert [trial.number for trial in complete(study)] == [0, 2, 3, 5]
    points = [trial.user_attrs[POINT] for trial in study.trials]
    assert points[4] == points[1] != points[5]
    assert messages == ["trying what failed once more: 1 trials"]


@pytest.mark.parametrize("missing", [1, 3])
def test_a_search_of_which_all_fails_ends_after_as_many_tries_as_are_allowed(setup, missing):
    study, searcher = _searcher(setup)
    failures, tries = try_until_complete(study, missing, _run_of(searcher, lambda _: True), str)
    assert tries == most_tries(missing) == len(study.trials) and not complete(study)
    given_up = {trial.number for trial in study.trials} - {
        trial.user_attrs["tried_again"]
        for trial in study.trials
        if "tried_again" in trial.user_attrs
    }
    assert set(failures) == given_up
