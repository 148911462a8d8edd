"""What is kept of a search as its trials end is what all of its trials say, whatever order they end in."""

import random
from platform.backend.run_writer import RunWriter
from platform.pipeline.finished_trials import FinishedTrials
from platform.pipeline.study import (
    accuracy_and_cost,
    complete,
    counted_trials,
    hypervolume_of,
    within_bounds,
)
from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState

from dashboards.pareto import Reference, front

_REFERENCE = Reference(0.1, 100.0)


def _ended(study, trial, draw):
    """A trial that ends in one of the ways there are, with values that others have too."""
    kind = draw.random()
    if kind < 0.1:
        return study.tell(trial, state=TrialState.FAIL)
    if kind < 0.2:
        return study.tell(trial, state=TrialState.PRUNED)
    if kind < 0.6:
        trial.set_constraint("cost", draw.choice([-1.0, 0.0, 1.0]))
    return study.tell(trial, (draw.randrange(10) / 10, float(draw.randrange(1, 12))))


@pytest.mark.parametrize("seed", range(6))
def test_it_is_what_the_study_says(seed):
    draw, study = random.Random(seed), optuna.create_study(directions=["maximize", "minimize"])
    finished = FinishedTrials()
    for _ in range(12):
        under_way = [study.ask() for _ in range(4)]
        for trial in draw.sample(under_way, 4):
            finished.add(_ended(study, trial, draw))
        _assert_same(finished, study)
    _assert_same(FinishedTrials(study.trials), study)


def _assert_same(finished, study):
    trials, candidates = complete(study), within_bounds(study) or complete(study)
    places = [accuracy_and_cost(trial) for trial in trials]
    assert finished.counted == counted_trials(study)
    assert sorted(finished.places) == sorted(places)
    assert [t.number for t in finished.front] == [trials[i].number for i in front(places)]
    assert finished.hypervolume(_REFERENCE) == hypervolume_of(study, _REFERENCE)
    if candidates:
        assert finished.best == max(accuracy_and_cost(trial) for trial in candidates)


class _Page(list):
    """A page of runs as MLflow's client gives it, with the token of the next one."""

    def __init__(self, runs, token):
        super().__init__(runs)
        self.token = token


class _Store:
    """A store with more runs than it gives at once."""

    def __init__(self, count):
        self.runs = list(range(count))

    def search_runs(self, experiments, query, max_results, order_by, page_token):
        first = int(page_token or 0)
        last = first + max_results
        return _Page(self.runs[first:last], str(last) if last < len(self.runs) else None)


@pytest.mark.parametrize("count", [0, 1, 10_000, 25_000])
def test_all_runs_are_found_however_many_a_store_gives_at_once(count):
    store = _Store(count)
    assert RunWriter(store, "0", SimpleNamespace(), {}).find("query") == store.runs
