"""Trials in races: partial records, the decision to stop, what Optuna and people are told of it."""

import copy
import dataclasses
import functools
import math
from platform.backend.candidates import Candidate, Unit
from platform.backend.crew import Ended
from platform.backend.dispatch import Dispatch
from platform.cli.next_commands import search_flags
from platform.pipeline.confirm import front_points
from platform.pipeline.search import SearchResult
from platform.pipeline.searcher import StudySearcher
from platform.pipeline.stopped_trials import races_as_json, savings, why_stopped
from platform.pipeline.study import (
    complete,
    counted_trials,
    open_study,
    stopped,
)
from platform.pipeline.trial_log import TrialLog
from platform.pipeline.tries import try_until_complete
from platform.planning.plan import Plan
from platform.planning.setup import setup_of
from platform.planning.study_names import JOURNAL, POINT, TRIALS
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import tiny_task

from trainables.core.errors import DamageWarning
from trainables.evaluation import evaluator as measuring
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.partials import PartialStore
from trainables.evaluation.race import (
    COST,
    ERROR,
    RACE,
    RIVALS,
    Rival,
    StoppedRace,
    block_ends,
    measure_in_race,
)
from trainables.evaluation.storage import Storage
from trainables.scoring.metric_names import NFE, SECONDS_ALONE, SECONDS_PER_SAMPLE
from trainables.scoring.racing import log_wealth
from trainables.workers.job import Job
from trainables.workers.trial import _stopped, _whole

POINT_VALUES = {
    "outer_steps": 2,
    "inner_steps": 2,
    "t_switch": 0.7,
    "refresh_interval": 0.5,
    "eta": 0.5,
}
CHEAP = POINT_VALUES | {"outer_steps": 1, "inner_steps": 1}
SAMPLINGS = [Sampling("validation", 64, seed) for seed in (3, 4)]
BATCH = 16


@pytest.fixture(scope="module")
def loaded(parts, tmp_path_factory):
    """An evaluator that has loaded the parts of `nested`."""
    storage = Storage(str(tmp_path_factory.mktemp("trained")))
    for kind in ("classifier", "nested"):
        storage.parts.save(kind, tiny_task(), parts[kind], {})
    return Evaluator(tiny_task(), "nested", storage, BATCH, torch.device("cpu"))


@pytest.fixture
def evaluator_in(loaded, tmp_path):
    """Gives evaluators with records of their own, by a name."""

    def make(name):
        evaluator = copy.copy(loaded)
        evaluator.storage = Storage(str(tmp_path / name))
        return evaluator

    return make


def _record_of_cost(evaluator, point, share):
    """A record of a point at every sampling, of which this share of the answers is right."""
    keys = []
    for sampling in SAMPLINGS:
        measurement = evaluator.measure(point, sampling)
        right = round(share * len(measurement.correct))
        answers = "1" * right + "0" * (len(measurement.correct) - right)
        evaluator.storage.records.save(dataclasses.replace(measurement, correct=answers))
        keys.append(measurement.key)
    return keys


def _race(evaluator, rivals, cost=NFE, seconds_alone=None):
    return measure_in_race(evaluator, POINT_VALUES, SAMPLINGS, rivals, cost, BATCH, seconds_alone)


def _exact(measurement):
    """All of a measurement that does not depend on a clock."""
    cost = {n: v for n, v in measurement.cost.items() if n != SECONDS_PER_SAMPLE}
    return dataclasses.replace(measurement, cost=cost)


def _counted(evaluator, monkeypatch):
    """How many rows the evaluator has sampled, in a list that grows."""
    rows, tallies = [], evaluator.tallies

    def counting(points, sampling, part=slice(None), seconds=math.inf):
        done = tallies(points, sampling, part, seconds)
        rows.append(len(done[0]))
        return done

    monkeypatch.setattr(evaluator, "tallies", counting)
    return rows


def test_blocks_are_whole_batches_where_there_are_a_few_and_equal_shares_of_one_elsewhere():
    assert block_ends(1000, 256) == [256, 512, 768] == block_ends(1024, 256)
    assert block_ends(200, 200) == [50, 100, 150] and block_ends(64, 64) == [16, 32, 48]
    assert block_ends(3, 8) == [1, 2] and block_ends(1, 8) == []


def test_a_point_that_stays_in_its_race_has_the_numbers_that_it_has_without_one(evaluator_in):
    alone, raced = evaluator_in("alone"), evaluator_in("raced")
    rival = Rival(0, 1.0, _record_of_cost(raced, CHEAP, 0.0))  # which nothing is behind
    whole = [alone.measure(POINT_VALUES, sampling) for sampling in SAMPLINGS]
    in_race = _race(raced, [rival])
    assert list(map(_exact, in_race)) == list(map(_exact, whole))
    kept = [raced.storage.records.get(measurement.key) for measurement in in_race]
    assert list(map(_exact, kept)) == list(map(_exact, whole))
    assert not list(raced.storage.partials.root.rglob("*.partial.json"))


def test_a_point_that_is_beaten_stops_without_a_record_and_is_gone_on_with_when_wanted(
    evaluator_in, monkeypatch
):
    evaluator = evaluator_in("beaten")
    rival = Rival(7, 1.0, _record_of_cost(evaluator, CHEAP, 1.0))
    rows = _counted(evaluator, monkeypatch)
    race = _race(evaluator, [rival])
    assert isinstance(race, StoppedRace) and race.rival == 7 and race.seen in block_ends(64, BATCH)
    assert (race.total, race.seeds) == (64, 2) and sum(rows) == 2 * race.seen < 128
    configs = [evaluator.config(POINT_VALUES, sampling) for sampling in SAMPLINGS]
    assert not any(evaluator.storage.records.find(config) for config in configs)
    # The same race again samples nothing; the whole samples the rest alone.
    assert _race(evaluator_in("beaten"), [rival]) == race
    whole = [evaluator.measure(POINT_VALUES, sampling) for sampling in SAMPLINGS]
    assert sum(rows) == 128
    alone = [evaluator_in("alone").measure(POINT_VALUES, sampling) for sampling in SAMPLINGS]
    assert list(map(_exact, whole)) == list(map(_exact, alone))
    # And whoever is measured whole races no more.
    assert isinstance(_race(evaluator, [rival]), list) and sum(rows) == 128


def test_nobody_races_against_what_costs_more_or_has_lost_its_records(evaluator_in):
    evaluator = evaluator_in("none")
    keys = _record_of_cost(evaluator, CHEAP, 1.0)
    cost = evaluator.measure(POINT_VALUES, SAMPLINGS[0]).cost[NFE]
    evaluator.storage.records.path(evaluator.measure(POINT_VALUES, SAMPLINGS[0]).key).unlink()
    rivals = [Rival(0, cost + 1, keys), Rival(1, 0.0, ["0" * 20, "1" * 20])]
    assert isinstance(_race(evaluator, rivals), list)


def test_a_race_by_seconds_goes_by_the_seconds_that_it_is_told(evaluator_in):
    evaluator = evaluator_in("seconds")
    rival = Rival(2, 0.5, _record_of_cost(evaluator, CHEAP, 1.0))
    race = _race(evaluator, [rival], SECONDS_ALONE, 0.6)
    assert isinstance(race, StoppedRace) and race.values[SECONDS_ALONE] == 0.6
    assert isinstance(_race(evaluator, [rival], SECONDS_ALONE, 0.4), list)


def test_what_was_measured_of_a_point_is_kept_when_that_is_stopped(evaluator_in, monkeypatch):
    monkeypatch.setattr(measuring, "_KEPT_SECONDS", 0.0)
    evaluator, alone = evaluator_in("kept"), evaluator_in("alone")
    rows, sampling, save = _counted(evaluator, monkeypatch), SAMPLINGS[0], PartialStore.save

    def save_and_stop(self, config, tallies):
        save(self, config, tallies)
        if len(tallies) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(PartialStore, "save", save_and_stop)
        evaluator.measure(POINT_VALUES, sampling)
    assert rows == [BATCH] * 3
    measured = evaluator.measure(POINT_VALUES, sampling)
    assert rows == [BATCH] * 4
    assert _exact(measured) == _exact(alone.measure(POINT_VALUES, sampling))


def _dispatch(evaluator, points):
    """A dispatch of points to one actor, and what its bar is told."""
    allocation = SimpleNamespace(actors=1, threads=1, gpu_share=0.0)
    session = SimpleNamespace(
        setup=SimpleNamespace(storage=evaluator.storage, task=evaluator.task),
        cluster=SimpleNamespace(allocation=lambda setup: allocation),
        console=None,
    )
    units = [Unit((Candidate("nested", point),), SAMPLINGS[0]) for point in points]
    told = []
    bar = SimpleNamespace(update=lambda done, total, text=None: told.append((done, total)))
    job = Job(evaluator.task, "nested", evaluator.storage, "validation", 64, (3, 4), BATCH, 1)
    return Dispatch(session, bar, units, job), told


def test_actors_go_on_from_what_was_sampled_too(evaluator_in):
    """As where another sweep's baselines want the whole of a point that was stopped."""
    evaluator = evaluator_in("actors")
    race = _race(evaluator, [Rival(7, 1.0, _record_of_cost(evaluator, CHEAP, 1.0))])
    storage = evaluator.storage
    dispatch, _ = _dispatch(evaluator, [CHEAP | {"eta": 0.25}, POINT_VALUES])
    dispatch._cut(64)
    assert dispatch._waiting[::-1] == [(0, slice(0, 64)), (1, slice(race.seen, 64))]
    tally = evaluator.tally(POINT_VALUES, SAMPLINGS[0], slice(race.seen, 64))
    dispatch._tallies[1][race.seen] = [tally]
    dispatch._end_piece(1)
    config = evaluator.config(POINT_VALUES, SAMPLINGS[0])
    saved = storage.records.find(config)
    alone = evaluator_in("alone").measure(POINT_VALUES, SAMPLINGS[0])
    assert saved.correct == alone.correct and not storage.partials.find(config)
    assert saved.cost[NFE] == alone.cost[NFE]


def test_what_an_actor_has_is_shown_and_kept_before_it_has_all(evaluator_in):
    """It tells after some seconds, here after a batch; another process goes on from there."""
    evaluator, points, sampling = evaluator_in("told"), [POINT_VALUES], SAMPLINGS[0]
    (dispatch, told), config = _dispatch(evaluator, points), evaluator.config(*points, sampling)
    dispatch._cut(64)
    assert dispatch._waiting[::-1] == [(0, slice(0, 32)), (0, slice(32, 64))]

    def measure(seconds):
        number, rows = dispatch._waiting.pop()
        tallies = evaluator.tallies(points, sampling, rows, seconds)
        is_whole = rows.start + len(tallies[0]) == rows.stop
        dispatch._end(Ended((number, rows), (tallies, is_whole)))

    def kept():
        return [len(tally) for tally in evaluator.storage.partials.find(config)]

    measure(0.0)
    assert dispatch._waiting[::-1] == [(0, slice(BATCH, 32)), (0, slice(32, 64))]
    assert kept() == [BATCH] and not evaluator.storage.records.find(config)
    later, _ = _dispatch(evaluator, points)
    later._cut(64)
    assert later._waiting[::-1] == [(0, slice(BATCH, 48)), (0, slice(48, 64))]
    for _ in range(2):
        measure(math.inf)
    assert not dispatch._waiting and dispatch._unfinished == [0] and kept() == []
    alone = evaluator_in("whole").measure(POINT_VALUES, sampling)
    saved = evaluator.storage.records.find(config)
    assert saved.correct == alone.correct and saved.cost[NFE] == alone.cost[NFE]
    assert told == [(done, 64) for done in (0, 0, BATCH, 32, 64)]


def test_a_damaged_partial_record_is_put_aside_and_sampled_again(evaluator_in, monkeypatch):
    evaluator = evaluator_in("damaged")
    race = _race(evaluator, [Rival(7, 1.0, _record_of_cost(evaluator, CHEAP, 1.0))])
    path = evaluator.storage.partials.path(evaluator.config(POINT_VALUES, SAMPLINGS[0]))
    path.write_text(path.read_text().replace('"correct": "', '"correct": "1', 1))
    rows = _counted(evaluator, monkeypatch)
    with pytest.warns(DamageWarning, match="sampled again"):
        evaluator.measure(POINT_VALUES, SAMPLINGS[0])
    evaluator.measure(POINT_VALUES, SAMPLINGS[1])
    assert rows == [64, 64 - race.seen]


@functools.cache
def _setup_of(root, **changes):
    plan = Plan("nested", "digits", "gn30", "smoke", 6, 0, 0, 0.0, root, "sqlite:///x.db")
    return setup_of(dataclasses.replace(plan, racing=True, **changes))


def _searcher(setup, racing=True):
    study, log = open_study(setup), TrialLog(setup.folder / TRIALS)
    T = setup.task.recipe.T
    return study, StudySearcher(study, log, "nested", T, racing=racing)


def _tell(searcher, name, accuracy=0.5, nfe=10.0):
    result = {"accuracy": accuracy, "nfe": nfe, "records": f"{name}1,{name}2"}
    searcher.on_trial_complete(name, result=result)


def _stop(searcher, name, rival=0, seen=16, accuracy=0.99):
    race = StoppedRace(rival, seen, 64, 1, {"accuracy": accuracy, "nfe": 2.0, "gflops": 0.1})
    searcher.on_trial_complete(name, result=_stopped(race))


def test_a_trial_is_told_of_the_front_of_the_complete_ones_as_its_rivals(tmp_path):
    _, searcher = _searcher(_setup_of(str(tmp_path)))
    assert RACE not in searcher.suggest("a")
    assert RACE not in searcher.suggest("b")
    _tell(searcher, "a", 0.6, 90.0)
    _tell(searcher, "b", 0.5, 95.0)
    race = searcher.suggest("c")[RACE]
    assert race == {COST: "nfe", RIVALS: [(0, 90.0, ["a1", "a2"])]}
    _stop(searcher, "c")
    assert searcher.suggest("d")[RACE] == race  # what was stopped is nobody's rival
    point = searcher._study.trials[2].user_attrs[POINT]
    assert RACE not in point


def test_a_search_without_races_tells_trials_of_none(tmp_path):
    _, searcher = _searcher(_setup_of(str(tmp_path)), racing=False)
    searcher.suggest("a")
    _tell(searcher, "a")
    assert RACE not in searcher.suggest("b")


def test_what_was_stopped_is_told_without_a_value_and_is_on_no_front(tmp_path):
    """However good what was seen of it looked."""
    setup = _setup_of(str(tmp_path))
    study, searcher = _searcher(setup)
    for name in "ab":
        searcher.suggest(name)
    _tell(searcher, "a", 0.6, 90.0)
    _stop(searcher, "b")
    trial = study.trials[1]
    assert trial.state.name == "PRUNED" and trial.values is None
    assert (
        [trial.number for trial in complete(study)] == [0] == [t.number for t in study.best_trials]
    )
    assert [trial.number for trial in stopped(study)] == [1] and counted_trials(study) == 2
    assert trial.user_attrs[POINT] not in [point.point for point in front_points(setup, study)]
    assert why_stopped(trial) == "beaten by trial 0 after 16 of 64 samples"
    assert not searcher.failures


def test_what_was_stopped_stays_so_when_a_search_goes_on_or_its_journal_is_lost(tmp_path):
    setup = _setup_of(str(tmp_path))
    _, searcher = _searcher(setup)
    points = [searcher.suggest(name) for name in "abc"]
    _tell(searcher, "a")
    _stop(searcher, "b")  # and c was under way
    study, resumed = _searcher(setup)
    assert counted_trials(study) == 2 and [t.number for t in stopped(study)] == [1]
    again = resumed.suggest("d")
    assert {n: v for n, v in again.items() if n != RACE} == points[2] and RACE in again
    (setup.folder / JOURNAL).unlink()
    study, _ = _searcher(setup)
    assert [t.number for t in stopped(study)] == [1] and why_stopped(stopped(study)[0])


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_samplers_go_on_past_what_was_stopped(tmp_path, sampler):
    _, searcher = _searcher(_setup_of(str(tmp_path), sampler=sampler))
    for number in range(14):
        searcher.suggest(str(number))
        if number % 2:
            _stop(searcher, str(number))
        else:
            _tell(searcher, str(number), 0.5 + number / 100, 10.0 + number)
    assert counted_trials(searcher._study) == 14


def test_stopped_trials_count_among_those_that_were_asked_for_and_failed_ones_do_not(tmp_path):
    study, searcher = _searcher(_setup_of(str(tmp_path)))
    ends = iter(["whole", "stop", "fail", "stop", "whole", "whole", "stop"])

    def run(count):
        failed = {}
        for _ in range(count):
            name = str(len(study.trials))
            searcher.suggest(name)
            end = next(ends)
            if end == "fail":
                searcher.on_trial_complete(name, error=True)
                failed[int(name)] = "reason"
            else:
                _tell(searcher, name) if end == "whole" else _stop(searcher, name)
        return failed

    failures, tries = try_until_complete(study, 6, run, str)
    assert (failures, tries) == ({}, 7) and counted_trials(study) == 6
    assert not SearchResult(study, 6, failures, tries).account
    assert SearchResult(study, 7, failures, tries).account.startswith("6 of 7 trials")


def test_a_search_says_what_it_saved_and_counts_a_point_once(tmp_path):
    study, searcher = _searcher(_setup_of(str(tmp_path)))
    for name in "abc":
        searcher.suggest(name)
    _tell(searcher, "a")
    assert savings(study).text == "none of 1 trials was stopped early"
    _stop(searcher, "b", seen=16)
    _stop(searcher, "c", seen=48)
    study.enqueue_trial(study.trials[2].params)  # the same point, which got no further
    searcher.suggest("d")
    _stop(searcher, "d", seen=32)
    saved = savings(study)
    assert (saved.stopped, saved.trials, saved.samples, saved.all_samples) == (
        3,
        4,
        48 + 16,
        3 * 64,
    )
    assert saved.text == (
        "3 of 4 trials were stopped early, beaten by another that costs no more (error at most 5 %); "
        "64 of 192 samplings were saved"
    )
    listed = races_as_json(study)
    assert [race["trial"] for race in listed["stopped"]] == [1, 2, 3]
    assert listed["stopped"][0] == {"trial": 1, "stopped_by": 0, "samples_seen": 16, "samples": 64}


def test_a_racing_sweep_is_another_sweep_and_its_commands_say_so(tmp_path):
    racing = _setup_of(str(tmp_path))
    usual = setup_of(dataclasses.replace(racing.plan, racing=False))
    assert racing.sweep_id != usual.sweep_id
    assert "--racing" in search_flags(racing) and "--racing" not in search_flags(usual)


def test_reports_of_whole_and_of_stopped_points_cannot_be_taken_for_each_other(evaluator_in):
    evaluator = evaluator_in("reports")
    whole = _whole([evaluator.measure(CHEAP, sampling) for sampling in SAMPLINGS], {})
    race = _stopped(StoppedRace(1, 16, 64, 2, {"accuracy": 0.5, "nfe": 2.0, "gflops": 0.1}))
    assert "records" in whole and "stopped_by" not in whole
    assert "records" not in race and race["stopped_by"] == 1


def _front_points(races, generator, seeds, differing):
    """Leads of a rival on a point that is ahead of it by one answer, in random orders: (races, 200)."""
    values = np.zeros(200 * seeds)
    values[: differing // 2], values[differing // 2 : differing + 1] = 1.0, -1.0
    leads = generator.permuted(np.tile(values, (races, 1)), axis=1)
    return generator.permuted(leads.reshape(races, 200, seeds).mean(axis=2), axis=1)


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("differing", [4, 40, 160])
def test_a_point_of_the_front_is_stopped_no_more_often_than_is_stated(seeds, differing):
    """However little it is ahead of the rival: by one answer of all."""
    leads = _front_points(1500, np.random.default_rng(5), seeds, differing)
    assert leads.sum(axis=1) == pytest.approx(-1 / seeds)
    looks = np.array(block_ends(200, 25)) - 1
    wealth = log_wealth(leads, 200, 1 / seeds)[:, looks]
    assert (wealth >= -math.log(ERROR)).any(axis=1).mean() <= ERROR
