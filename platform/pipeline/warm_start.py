"""Points that a search begins with: the confirmed fronts of earlier sweeps.

A point is counts and fractions, so that what is good under one corruption, preset or seed, or on other data,
is worth a try under another. Earlier sweeps are read from their summaries in the storage, not from MLflow:
they are there wherever the records are, need no server, and say what a front was confirmed as.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from platform.cli.counts import counted
from platform.planning.setup import Setup
from platform.planning.study_names import POINT
from typing import Any

import optuna

import search_spaces
from dashboards.pareto import front
from trainables.core.errors import UsageError
from trainables.core.places import workspace
from trainables.data import datasets
from trainables.sampling.moves import Move
from trainables.scoring.cost_metrics import COST_METRICS, USUAL_COST
from trainables.scoring.metric_names import ACCURACY
from trainables.strategies import schedule_of

MOST_POINTS = 8
"""How many points a search begins with at most, beside the paper's: as many as TPE would draw at random."""
ROLE = "warm start"
"""The role of such a trial, among its attributes."""

_QUEUED = "fixed_params"  # Optuna's key of the answers of a trial that is still to be tried


@dataclass(frozen=True)
class EarlierFront:
    """The front of an earlier sweep, or those of the halves of a cascade, joined.

    Args:
        dataset: the name of its data.
        sweeps: the id of the sweep, or of that of each half.
        time: when it ended, in seconds since 1970.
        points: the points on its front as measured on test samples, by rising cost.
    """

    dataset: str
    sweeps: tuple[str, ...]
    time: float
    points: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class WarmStart:
    """What a search begins with.

    Args:
        points: how many.
        sweeps: how many sweeps they are of.
        known: how many fronts there are.
        halves: the strategies of which each must have been swept, where the search is of a cascade.
    """

    points: int
    sweeps: int
    known: int
    halves: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """It in words."""
        if not self.known and self.halves:
            return (
                f"no earlier sweeps of {' and '.join(self.halves)} to begin with: sweep both first"
            )
        if not self.known:
            return "no earlier sweep of this strategy to begin with: sweep other data or corruptions first"
        return (
            f"beginning with {counted(self.points, 'point')} of the fronts of "
            f"{counted(self.sweeps, 'earlier sweep')}"
        )


def warm_start(setup: Setup, study: optuna.Study, tell: Callable[[str], None]) -> WarmStart:
    """Let a study ask next for points of earlier fronts, `MOST_POINTS` at most: those of the same data first,
    of the newest sweeps first. Left out are points that the space does not have, and those whose schedule is
    in the study already.

    Args:
        setup: the sweep's.
        study: its study.
        tell: told of summaries that cannot be read.
    """
    fronts = list(earlier_fronts(setup, tell))
    fronts.sort(key=_order(setup))
    schedules = _schedules(setup, study)
    points, sweeps = 0, set[str]()
    for earlier in fronts:
        candidates = [c for p in earlier.points if (c := _candidate(setup, p)) is not None]
        fresh = [c for c in candidates if c.schedule not in schedules]
        for candidate in _spread(fresh, MOST_POINTS - points):
            if candidate.schedule not in schedules:
                attributes = {"role": ROLE, "sweep": " and ".join(earlier.sweeps)}
                study.enqueue_trial(candidate.answers, attributes, skip_if_exists=False)
                schedules.append(candidate.schedule)
                points, sweeps = points + 1, sweeps.union(earlier.sweeps)
    return WarmStart(points, len(sweeps), len(fronts), _halves(setup))


def earlier_fronts(setup: Setup, tell: Callable[[str], None]) -> Iterator[EarlierFront]:
    """The fronts of all other sweeps of a setup's strategy in its storage, on data of the same kind; for a
    strategy of two halves also those of the halves, joined.
    """
    yield from _fronts_of(setup, setup.plan.strategy, tell)
    halves = [sorted(_fronts_of(setup, h, tell), key=_order(setup)) for h in _halves(setup)]
    if halves and all(halves):
        space = search_spaces.load(setup.plan.strategy)
        cheap, dear = (fronts[0] for fronts in halves)
        pairs = itertools.product(dear.points, cheap.points)
        points = tuple(space.joined(cheaper, dearer) for dearer, cheaper in pairs)
        yield EarlierFront(dear.dataset, cheap.sweeps + dear.sweeps, dear.time, points)


def _halves(setup: Setup) -> tuple[str, ...]:
    """The strategies of the halves of a cascade; none of another strategy."""
    halves: tuple[str, ...] = getattr(search_spaces.load(setup.plan.strategy), "HALVES", ())
    return halves


def _order(setup: Setup) -> Callable[[EarlierFront], tuple[bool, float]]:
    """The order of fronts: those of the same data first, of the newest sweeps first."""
    return lambda front: (front.dataset != setup.plan.dataset, -front.time)


def _fronts_of(setup: Setup, strategy: str, tell: Callable[[str], None]) -> Iterator[EarlierFront]:
    """The fronts of all other sweeps of a strategy in a setup's storage, on data of the same kind."""
    kind = datasets.must_be_built(setup.plan.dataset)
    root = workspace(setup.plan.storage) / "sweeps"
    for file in sorted(root.glob(f"*/*/{strategy}-*/summary.json")):
        try:
            earlier = _front_of(file, strategy)
            same_kind = datasets.must_be_built(earlier.dataset) == kind
        except (ValueError, LookupError, TypeError, UsageError) as error:
            tell(f"          {file} is left out, as it cannot be read: {error!r}")
            continue
        if setup.sweep_id not in earlier.sweeps and same_kind and earlier.points:
            yield earlier


def _front_of(file: Path, strategy: str) -> EarlierFront:
    """The front of a summary.

    Raises:
        ValueError: it is no JSON.
        LookupError, TypeError: it is no summary of a sweep.
    """
    summary = json.loads(file.read_text())
    plan = summary["plan"]
    rows = [row for row in summary["front"] if row["strategy"] == strategy and row["test"]]
    cost = COST_METRICS[plan.get("cost", USUAL_COST)].name
    order = front([(row["test"][ACCURACY], row["test"][cost]) for row in rows])
    points = tuple(rows[index]["point"] for index in order)
    return EarlierFront(plan["dataset"], (plan["sweep_id"],), file.stat().st_mtime, points)


@dataclass(frozen=True)
class _Candidate:
    """A point that the space has: its answers to the space's questions, and its moves."""

    answers: dict[str, Any]
    schedule: list[Move]


def _candidate(setup: Setup, point: Mapping[str, Any]) -> _Candidate | None:
    """A point of an earlier sweep as one of this space; None where the space does not have it."""
    strategy = setup.plan.strategy
    try:
        T, kind = setup.task.recipe.T, setup.facts.kind
        answers = search_spaces.answers_to(strategy, point, T, kind, setup.plan.settled)
        return None if answers is None else _Candidate(answers, schedule_of(strategy, point))
    except UsageError:  # the strategy of an earlier release had other parameters
        return None


def _schedules(setup: Setup, study: optuna.Study) -> list[list[Move]]:
    """The moves of all points that a study has, tried or still to be tried."""
    schedules = []
    for trial in study.get_trials(deepcopy=False):
        if POINT in trial.user_attrs:
            schedules.append(schedule_of(setup.plan.strategy, trial.user_attrs[POINT]))
        elif (candidate := _candidate(setup, trial.system_attrs.get(_QUEUED, {}))) is not None:
            schedules.append(candidate.schedule)
    return schedules


def _spread(candidates: Sequence[_Candidate], count: int) -> list[_Candidate]:
    """So many of the candidates, or all, spread evenly from the first to the last."""
    if count >= len(candidates):
        return list(candidates)
    if count <= 1:
        return list(candidates[-1:])[:count]
    last = len(candidates) - 1
    return [candidates[round(i * last / (count - 1))] for i in range(count)]
