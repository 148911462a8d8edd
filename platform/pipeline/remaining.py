"""What of a sweep is still to be done: trials that the study lacks, measurements that the records lack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from platform.backend.candidates import Candidate, config_of, groups
from platform.planning.setup import Setup
from typing import Any

import optuna

import search_spaces
from trainables.data.dataset import SPLITS
from trainables.evaluation.measurement import Sampling
from trainables.evaluation.records import key_of
from trainables.sampling.cost import Cost, cost
from trainables.strategies import schedule_of
from trainables.task.processes import processes

_SPACE_POINTS = 200  # drawn from the space, to see what its points cost
_FRONT_POINTS = 6  # of a front that is not known yet


@dataclass
class RemainingWork:
    """What is to be measured: for each run what it costs a sample, and how many samples it has.

    Args:
        trials: complete trials that there are.
        paper: what the paper's point costs.
        space: what points drawn from the search space cost.
        search: runs of the trials to come.
        confirm: runs of the confirmation.
    """

    trials: int
    paper: Cost
    space: list[Cost]
    search: list[tuple[Cost, int]] = field(default_factory=list)
    confirm: list[tuple[Cost, int]] = field(default_factory=list)


def remaining(setup: Setup, counted_keys: set[str]) -> RemainingWork:
    """What a sweep is still to measure.

    Args:
        setup: the sweep's.
        counted_keys: keys of measurements that a sweep before it makes, which this one does not; those
            that this one makes are added.
    """
    return _Inventory(setup, counted_keys).remaining()


class _Inventory:
    """Counts what the records and the study of a setup lack."""

    def __init__(self, setup: Setup, counted_keys: set[str]) -> None:
        self._setup, self._counted_keys = setup, counted_keys
        self._T, self._kind = setup.task.recipe.T, setup.facts.kind
        self._needs_origin = _needs_origin(setup)

    def remaining(self) -> RemainingWork:
        """All that is to be measured."""
        plan = self._setup.plan
        trials, front = _finished_trials(self._setup)
        paper = self._paper(plan.strategy)
        space = [self._cost(Candidate(plan.strategy, point)) for point in self._space_points()]
        work = RemainingWork(trials, self._cost(paper), space)
        to_come = max(0, plan.trials - trials)
        if to_come and not trials:  # the paper's point is the first
            work.search += self._missing([paper], "validation")
            to_come -= 1
        seeds = len(self._samplings("validation"))
        size = samples(self._setup, "validation")
        work.search += [(c, size) for c in islice(cycle(space), to_come) for _ in range(seeds)]
        work.confirm += self._missing([paper, *front], "validation")
        if trials < plan.trials:  # the front is not known yet, what it may cost is
            seeds, size = len(self._samplings("test")), samples(self._setup, "test")
            by_nfe = sorted(space, key=lambda cost: cost.nfe)
            likely = by_nfe[:: max(1, len(space) // _FRONT_POINTS)]
            work.confirm += [(cost, size) for cost in likely for _ in range(seeds)]
        work.confirm += self._missing([paper, *front], "test")
        for name in self._setup.baselines:
            if name != plan.strategy:
                work.confirm += self._baseline(name)
        return work

    def _baseline(self, name: str) -> list[tuple[Cost, int]]:
        """Runs of a baseline: its grid on the validation split; on the test split the paper's point and
        its best of the others, which has been measured where any of the grid has.
        """
        points = search_spaces.load(name).grid(self._T, self._kind)
        grid, paper = [Candidate(name, point) for point in points], self._paper(name)
        runs = self._missing(grid, "validation") + self._missing([paper], "test")
        moves = schedule_of(name, paper.point)
        rest = [candidate for candidate in grid if schedule_of(name, candidate.point) != moves]
        if rest and all(self._missing_keys(candidate, "test") for candidate in rest):
            by_nfe = sorted(rest, key=lambda candidate: self._cost(candidate).nfe)
            runs += self._missing([by_nfe[len(by_nfe) // 2]], "test")
        return runs

    def _missing(self, candidates: Iterable[Candidate], split: str) -> list[tuple[Cost, int]]:
        """Runs of these points that are neither in the records nor counted; from now on they are."""
        return missing_runs(self._setup, candidates, split, self._counted_keys)

    def _missing_keys(self, candidate: Candidate, split: str) -> list[str]:
        """Keys of a point's measurements that are neither in the records nor counted."""
        return _missing_keys(self._setup, candidate, self._samplings(split), self._counted_keys)

    def _samplings(self, split: str) -> Sequence[Sampling]:
        return self._setup.job(split, 1).samplings()

    def _paper(self, strategy: str) -> Candidate:
        """A strategy's point in the paper."""
        return Candidate(strategy, search_spaces.load(strategy).paper_point(self._T, self._kind))

    def _cost(self, candidate: Candidate) -> Cost:
        return cost(schedule_of(candidate.strategy, candidate.point), self._needs_origin)

    def _space_points(self) -> list[Mapping[str, Any]]:
        """Points drawn from the search space at random, the same ones every time."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.RandomSampler(seed=0)
        study = optuna.create_study(directions=("maximize", "minimize"), sampler=sampler)
        plan = self._setup.plan
        suggest = search_spaces.suggest_of(plan.strategy, plan.settled)
        return [suggest(study.ask(), self._T, self._kind) for _ in range(_SPACE_POINTS)]


def missing_runs(
    setup: Setup,
    candidates: Iterable[Candidate],
    split: str,
    counted_keys: set[str],
    limit: int | None = None,
) -> list[tuple[Cost, int]]:
    """The runs of points that are to be measured: what each costs a sample, and how many samples it has.
    Points that differ in what answers alone are sampled in one.

    Args:
        setup: whose points.
        candidates: the points.
        split: what they are measured on.
        counted_keys: keys of measurements that will be in the records by then; those of these are added.
        limit: how many samples are measured at most; as many as the preset has if None.
    """
    runs, job = [], setup.job(split, 1)
    job = replace(job, limit=limit or job.limit)
    size, needs_origin = _size(setup, split, job.limit), _needs_origin(setup)
    for group in groups([*candidates]):
        costs = [cost(candidate.schedule, needs_origin) for candidate in group]
        dearest = max(costs, key=lambda one: (one.nfe, one.nfe_classifier))
        for sampling in job.samplings():
            keys = [k for c in group for k in _missing_keys(setup, c, [sampling], counted_keys)]
            counted_keys.update(keys)
            runs += [(dearest, size)] if keys else []
    return runs


def _missing_keys(
    setup: Setup, candidate: Candidate, samplings: Sequence[Sampling], counted_keys: set[str]
) -> list[str]:
    """Keys of a point's measurements that are neither in the records nor counted."""
    missing = []
    for sampling in samplings:
        config = config_of(setup, candidate, sampling)
        key = key_of(config)
        if key not in counted_keys and setup.storage.records.find(config) is None:
            missing.append(key)
    return missing


def _needs_origin(setup: Setup) -> bool:
    """Whether the logits' process needs the corrupted signal's, which the classifier is called for."""
    _, logit_process = processes(setup.task, None)
    return logit_process.needs_origin


def _finished_trials(setup: Setup) -> tuple[int, list[Candidate]]:
    """How many trials there are that count, and their front with the paper's point."""
    if not setup.stored.is_dir():
        return 0, []
    from platform.pipeline.confirm import front_points  # with Ray, which takes seconds to load
    from platform.pipeline.study import counted_trials, earlier_study

    study = earlier_study(setup)
    if study is None:
        return 0, []
    front = [Candidate(p.strategy, p.point) for p in front_points(setup, study)]
    return counted_trials(study), front


def samples(setup: Setup, split: str) -> int:
    """Samples of a run on a split: as many as the preset has, or as there are."""
    return _size(setup, split, setup.job(split, 1).limit)


def _size(setup: Setup, split: str, limit: int) -> int:
    """So many samples of a split, or as many as there are."""
    sizes = setup.facts.sizes
    return limit if sizes is None else min(limit, sizes[SPLITS.index(split)])
