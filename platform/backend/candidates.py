"""What is measured: points of strategies, those that are sampled once for all, and their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from platform.planning.setup import Setup
from typing import Any

from trainables.evaluation.measurement import Sampling, measurement_config
from trainables.evaluation.records import Measurement
from trainables.sampling.moves import Move, before_answers
from trainables.strategies import schedule_of


@dataclass(frozen=True)
class Candidate:
    """A point of a strategy that is to be measured."""

    strategy: str
    point: Mapping[str, Any] = field(hash=False)

    @property
    def schedule(self) -> list[Move]:
        """The moves of the point."""
        return schedule_of(self.strategy, self.point)


@dataclass(frozen=True)
class Unit:
    """Points of one strategy that differ in what answers alone, at one sampling: sampled once for all."""

    candidates: tuple[Candidate, ...]
    sampling: Sampling


def groups(candidates: Sequence[Candidate]) -> list[tuple[Candidate, ...]]:
    """The candidates in groups that are sampled once, each schedule once."""
    groups: dict[tuple[str, tuple[Move, ...]], dict[tuple[Move, ...], Candidate]] = {}
    for candidate in candidates:
        schedule = candidate.schedule
        group = groups.setdefault((candidate.strategy, before_answers(schedule)), {})
        group.setdefault(tuple(schedule), candidate)
    return [tuple(group.values()) for group in groups.values()]


def missing_unit(setup: Setup, group: Sequence[Candidate], sampling: Sampling) -> Unit:
    """Those of a group that have no record at a sampling."""
    missing = (candidate for candidate in group if record_of(setup, candidate, sampling) is None)
    return Unit(tuple(missing), sampling)


def record_of(setup: Setup, candidate: Candidate, sampling: Sampling) -> Measurement | None:
    """A candidate's measurement at one sampling; None where the records have none."""
    return setup.storage.records.find(config_of(setup, candidate, sampling))


def config_of(setup: Setup, candidate: Candidate, sampling: Sampling) -> dict[str, object]:
    """The configuration of a candidate's measurement."""
    return measurement_config(setup.task, candidate.strategy, candidate.point, sampling)


def records_of(
    setup: Setup, candidate: Candidate, samplings: Sequence[Sampling]
) -> list[Measurement]:
    """A candidate's measurements at all samplings; an empty list where one is missing."""
    records = [record_of(setup, candidate, sampling) for sampling in samplings]
    measurements = [record for record in records if record is not None]
    return measurements if len(measurements) == len(samplings) else []
