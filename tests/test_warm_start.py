"""A search that begins with the fronts of earlier sweeps: real studies, summaries as sweeps leave them."""

import dataclasses
import json
import os
from platform.pipeline.searcher import StudySearcher
from platform.pipeline.study import open_study
from platform.pipeline.trial_log import TrialLog
from platform.pipeline.warm_start import MOST_POINTS, ROLE, warm_start
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.planning.study_names import POINT, TRIALS

import pytest

import search_spaces
from trainables.strategies import schedule_of

_PAPER = search_spaces.load("nested").paper_point(10)


def _point(**changes):
    return _PAPER | {"outer_steps": 4, "inner_steps": 2, "t_switch": 0.5} | changes


@pytest.fixture
def setup(tmp_path):
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 0, 0.0, str(tmp_path), "sqlite:///x.db")
    return setup_of(plan)


def _summary(setup, *points, dataset="digits", strategy="nested", sweep="another", hours=0):
    """The summary of an earlier sweep whose points are ever better and dearer, so many hours ago."""
    rows = [
        {"strategy": strategy, "point": point, "test": {"accuracy": 0.5 + i / 100, "nfe": 2 + i}}
        for i, point in enumerate(points)
    ]
    folder = setup.folder.parents[2] / dataset / "gn45" / f"{strategy}-{sweep}"
    folder.mkdir(parents=True)
    file = folder / "summary.json"
    plan = {"dataset": dataset, "sweep_id": sweep}
    file.write_text(json.dumps({"plan": plan, "front": rows}))
    os.utime(file, (1e9 - 3600 * hours,) * 2)
    return file


def _begun(setup, tell=print):
    """What a search began with: the words for it, and the points that it asks for after the paper's."""
    study = open_study(setup)
    begun = warm_start(setup, study, tell)
    searcher = StudySearcher(study, TrialLog(setup.folder / TRIALS), "nested", setup.task.recipe.T)
    points = [searcher.suggest(str(number)) for number in range(begun.points + 1)]
    assert points[0] == pytest.approx(_PAPER)
    for trial in study.trials[1:]:
        assert trial.user_attrs["role"] == ROLE and trial.user_attrs["sweep"] == "another"
    return begun, points[1:]


def test_it_asks_for_the_front_of_an_earlier_sweep_right_after_the_papers_point(setup):
    front = [_point(outer_steps=steps, chains=2) for steps in (1, 3, 7)]
    _summary(setup, *front)
    begun, points = _begun(setup)
    assert [schedule_of("nested", p) for p in points] == [schedule_of("nested", p) for p in front]
    assert begun.text == "beginning with 3 points of the fronts of 1 earlier sweep"


def test_points_that_are_beaten_on_test_samples_are_left_out(setup):
    file = _summary(setup, *[_point(outer_steps=steps) for steps in (1, 3, 7)])
    summary = json.loads(file.read_text())
    summary["front"][1]["test"]["accuracy"] = 0.4
    file.write_text(json.dumps(summary))
    assert [point["outer_steps"] for point in _begun(setup)[1]] == [1, 7]


@pytest.mark.parametrize(
    "changes",
    [
        {"outer_steps": 11},  # the space has as many steps as there are noise levels, 10
        {"eta": 0.3},  # it has quarters
        {"answer": "z"},
        {"chains": 9},
        {"steps": 3},  # no parameter of this strategy
        {"outer_steps": 2.5},
        {"outer_steps": True},
        {"refresh_interval": 2 / 15, "outer_steps": 10, "inner_steps": 10, "chains": 8},  # too dear
    ],
)
def test_points_that_the_space_does_not_have_are_left_out(setup, changes):
    good = _point(inner_steps=3)
    _summary(setup, _point(**changes), good)
    begun, points = _begun(setup)
    assert begun.points == 1 and points == [pytest.approx(good)]


def test_a_schedule_is_tried_once(setup):
    """Of equal schedules one is taken; what the study has is not tried again."""
    same = [_point(), _point(t_switch=0.51), _PAPER, _point(outer_steps=2)]
    assert schedule_of("nested", same[0]) == schedule_of("nested", same[1])
    _summary(setup, *same)
    study = open_study(setup)
    assert warm_start(setup, study, print).points == 2
    assert warm_start(setup, study, print).points == 0
    searcher = StudySearcher(study, TrialLog(setup.folder / TRIALS), "nested", setup.task.recipe.T)
    for number in range(3):
        searcher.suggest(str(number))
    assert POINT in study.trials[2].user_attrs
    assert warm_start(setup, study, print).points == 0


def test_the_same_data_come_first_then_the_newest_and_no_more_than_so_many(setup):
    steps = range(1, 11)
    _summary(setup, *[_point(outer_steps=n) for n in steps[:6]], sweep="old", hours=2)
    _summary(setup, *[_point(outer_steps=n, chains=2) for n in steps], dataset="mnist", sweep="mn")
    study = open_study(setup)
    begun = warm_start(setup, study, print)
    queued = [trial.system_attrs["fixed_params"] for trial in study.trials[1:]]
    assert len(queued) == MOST_POINTS == begun.points and begun.sweeps == 2
    assert [params["outer_steps"] for params in queued] == [1, 2, 3, 4, 5, 6, 1, 10]
    assert [params["chains"] for params in queued] == [1] * 6 + [2] * 2


def test_other_strategies_other_kinds_of_signals_and_the_sweep_itself_are_no_beginning(setup):
    _summary(setup, _point(), dataset="fsdd-babble", sweep="speech")
    _summary(setup, {"steps": 3}, strategy="enhanced", sweep="other")
    _summary(setup, _point(), sweep=setup.sweep_id)
    begun, points = _begun(setup)
    assert points == [] and begun.text.startswith("no earlier sweep of this strategy")


def test_a_summary_that_cannot_be_read_is_named_and_left_out(setup):
    _summary(setup, _point()).write_text("{")
    _summary(setup, _point(), sweep="b").write_text("{}")
    messages = []
    assert warm_start(setup, open_study(setup), messages.append).points == 0
    assert len(messages) == 2 and all("is left out" in message for message in messages)


def test_a_warm_start_goes_on_with_the_same_sweep(setup):
    warm = setup_of(dataclasses.replace(setup.plan, warm_start=True))
    assert warm.folder == setup.folder


@pytest.mark.parametrize(
    ("strategy", "dear", "steps"),
    [("cascade", "enhanced", "steps"), ("cascade-nested", "nested", "outer_steps")],
)
def test_a_cascade_begins_with_the_fronts_of_its_halves(setup, strategy, dear, steps):
    """Each point of the dear half with each of `card`, whose first chain alone answers first."""
    first, second = (search_spaces.load(name).paper_point(10) for name in ("card", dear))
    _summary(setup, *[first | {"steps": n, "chains": 2} for n in (1, 2)], strategy="card")
    fronts = [second | {steps: n} for n in (3, 4)]
    _summary(setup, *fronts, strategy=dear, dataset="mnist", sweep="of the dear half")
    cascade = setup_of(dataclasses.replace(setup.plan, strategy=strategy))
    study = open_study(cascade)
    assert warm_start(cascade, study, print).text == (
        "beginning with 4 points of the fronts of 2 earlier sweeps"
    )
    searcher = StudySearcher(study, TrialLog(cascade.folder / TRIALS), strategy, 10)
    points = [searcher.suggest(str(number)) for number in range(5)][1:]
    assert [(p["cheap_steps"], p[steps]) for p in points] == [(1, 3), (2, 3), (1, 4), (2, 4)]
    assert {p["cheap"] for p in points} == {"card"}


def test_a_cascade_without_a_front_of_one_half_begins_with_nothing(setup):
    _summary(setup, search_spaces.load("card").paper_point(10), strategy="card")
    cascade = setup_of(dataclasses.replace(setup.plan, strategy="cascade"))
    begun = warm_start(cascade, open_study(cascade), print)
    assert begun.points == 0
    assert begun.text == "no earlier sweeps of card and enhanced to begin with: sweep both first"
