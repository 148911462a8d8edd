"""What of a sweep is still to be done: trials that the study lacks, measurements that the records lack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from platform.backend.measure import Candidate
from platform.planning.plan import BASELINES, Plan
from typing import Any

import optuna

import search_spaces
from trainables.data.dataset import SPLITS
from trainables.evaluation.measurement import Sampling, measurement_config
from trainables.evaluation.records import key_of
from trainables.sampling.moves import Cost, cost
from trainables.strategies import schedule_of
from trainables.task.processes import processes

_DRAWN = 200
_FRONT = 6  # points of a front that is not known yet


@dataclass
class RemainingWork:
    """What is to be measured: for each run what it costs a sample, and of how many samples it is.

    Args:
        trials: complete trials that there are.
        search: runs of the trials to come.
        confirm: runs of the confirmation.
        paper: what the paper's point costs.
        drawn: what points drawn from the space cost.
    """

    trials: int
    paper: Cost
    drawn: list[Cost]
    search: list[tuple[Cost, int]] = field(default_factory=list)
    confirm: list[tuple[Cost, int]] = field(default_factory=list)


def remaining(plan: Plan, counted: set[str]) -> RemainingWork:
    """What a sweep is still to measure; what is `counted` for a sweep before it is not, and what is
    counted here is added to that.
    """
    return _Inventory(plan, counted).all()


class _Inventory:
    def __init__(self, plan: Plan, counted: set[str]) -> None:
        self._plan, self._counted = plan, counted
        self._T, self._kind = plan.task.recipe.T, plan.facts.kind
        _, of_logits = processes(plan.task, None)
        self._needs_origin = of_logits.needs_origin

    def all(self) -> RemainingWork:
        plan = self._plan
        trials, front = _found(plan)
        paper = self._paper(plan.strategy)
        drawn = [self._cost(Candidate(plan.strategy, point)) for point in self._drawn()]
        left = RemainingWork(trials, self._cost(paper), drawn)
        others = max(0, plan.trials - trials)
        if others and not trials:  # the paper's point is the first
            left.search += self._missing([paper], "validation")
            others -= 1
        seeds = len(self._samplings("validation"))
        size = samples(plan, "validation")
        left.search += [(c, size) for c in islice(cycle(drawn), others) for _ in range(seeds)]
        left.confirm += self._missing([paper, *front], "validation")
        if trials < plan.trials:  # the front is not known yet, what it may cost is
            seeds, size = len(self._samplings("test")), samples(plan, "test")
            likely = sorted(drawn, key=lambda c: c.nfe)[:: max(1, len(drawn) // _FRONT)]
            left.confirm += [(c, size) for c in likely for _ in range(seeds)]
        left.confirm += self._missing([paper, *front], "test")
        for name in BASELINES:
            if name != plan.strategy:
                left.confirm += self._baseline(name)
        return left

    def _baseline(self, name: str) -> list[tuple[Cost, int]]:
        """Runs of a baseline: its grid on the validation split; on the test split the paper's point and
        one more, which is known to be measured where any of the grid is.
        """
        points = search_spaces.load(name).grid(self._T, self._kind)
        grid, paper = [Candidate(name, point) for point in points], self._paper(name)
        runs = self._missing(grid, "validation") + self._missing([paper], "test")
        moves = schedule_of(name, paper.point)
        others = [one for one in grid if schedule_of(name, one.point) != moves]
        if others and all(self._lacks(one, "test") for one in others):
            middle = sorted(others, key=lambda one: self._cost(one).nfe)[len(others) // 2]
            runs += self._missing([middle], "test")
        return runs

    def _missing(self, candidates: Iterable[Candidate], split: str) -> list[tuple[Cost, int]]:
        """Runs of these points that are neither in the records nor counted; now they are counted."""
        runs, size = [], samples(self._plan, split)
        for candidate in candidates:
            keys = self._lacks(candidate, split)
            self._counted.update(keys)
            runs += [(self._cost(candidate), size)] * len(keys)
        return runs

    def _lacks(self, candidate: Candidate, split: str) -> list[str]:
        """Keys of a point's measurements that are neither in the records nor counted."""
        plan, missing = self._plan, []
        for sampling in self._samplings(split):
            config = measurement_config(plan.task, candidate.strategy, candidate.point, sampling)
            key = key_of(config)
            if key not in self._counted and plan.places.records.find(config) is None:
                missing.append(key)
        return missing

    def _samplings(self, split: str) -> Sequence[Sampling]:
        return self._plan.job(split, 1).samplings()

    def _paper(self, strategy: str) -> Candidate:
        return Candidate(strategy, search_spaces.load(strategy).paper_point(self._T, self._kind))

    def _cost(self, candidate: Candidate) -> Cost:
        return cost(schedule_of(candidate.strategy, candidate.point), self._needs_origin)

    def _drawn(self) -> list[Mapping[str, Any]]:
        """Points drawn from the space at random."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.RandomSampler(seed=0)
        study = optuna.create_study(directions=("maximize", "minimize"), sampler=sampler)
        space = search_spaces.load(self._plan.strategy)
        return [space.suggest(study.ask(), self._T, self._kind) for _ in range(_DRAWN)]


def _found(plan: Plan) -> tuple[int, list[Candidate]]:
    """How many complete trials there are, and their front."""
    if not plan.folder.is_dir():
        return 0, []
    from platform.pipeline.confirm import front_points  # with Ray, which takes seconds to load
    from platform.pipeline.study import complete, found_study

    study = found_study(plan)
    if study is None:
        return 0, []
    front = [Candidate(p.strategy, p.point) for p in front_points(plan, study)]
    return len(complete(study)), front


def samples(plan: Plan, split: str) -> int:
    """Samples of a run on a split: as many as the preset has, or as there are."""
    limit = plan.job(split, 1).limit
    sizes = plan.facts.sizes
    return limit if sizes is None else min(limit, sizes[SPLITS.index(split)])
