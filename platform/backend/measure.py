"""Measuring many points at once on the cluster's actors, or one point's samples spread over them;
what is in the records costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from platform.backend.crew import Crew, Ended
from platform.backend.session import Session
from platform.cli.console import Bar
from platform.cli.failures import text_of_full_disk
from platform.cli.interrupts import last_line
from platform.planning.setup import Setup
from typing import Any

from trainables.data.degradation import Degradation
from trainables.evaluation.measurement import (
    Sampling,
    Tally,
    joined,
    measurement_config,
    measurement_of,
)
from trainables.evaluation.records import Measurement
from trainables.sampling.cost import cost
from trainables.sampling.moves import Move, before_answers
from trainables.strategies import schedule_of
from trainables.workers.job import Job

_PIECES_AN_ACTOR = 2
"""Pieces of work that every actor is to have at least, so that none waits long for the last."""
_MOST_DEATHS = 2
"""How often a piece of work is begun again after its actor has died."""


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
class _Unit:
    """Points of one strategy that differ in what answers alone, at one sampling: sampled once for all."""

    candidates: tuple[Candidate, ...]
    sampling: Sampling


def measure_all(
    session: Session, candidates: Sequence[Candidate], split: str, seeds: int | None = None
) -> list[list[Measurement]]:
    """Measure every candidate on a split at the split's seeds, or at the first `seeds` of them; a
    list of measurements a candidate, in order.

    A candidate that fails is reported, and its list is empty. Dear points go first, so that no actor
    is left with one at the end.
    """
    job = session.setup.job(split, 1, seeds)
    samplings = job.samplings()
    _measure_missing(session, candidates, job, samplings)
    return [_records_of(session.setup, candidate, samplings) for candidate in candidates]


def measure_under(
    session: Session, candidates: Sequence[Candidate], split: str, tested: Sequence[Degradation]
) -> list[list[list[Measurement]]]:
    """As `measure_all`, with signals that are degraded otherwise than those that parts were trained on:
    of each candidate a list of measurements for each degradation that is tested, in order.
    """
    job = session.setup.job(split, 1)
    columns = [
        [replace(sampling, tested=degradation) for sampling in job.samplings()]
        for degradation in tested
    ]
    _measure_missing(session, candidates, job, [s for samplings in columns for s in samplings])
    return [
        [_records_of(session.setup, candidate, samplings) for samplings in columns]
        for candidate in candidates
    ]


def _measure_missing(
    session: Session, candidates: Sequence[Candidate], job: Job, samplings: Sequence[Sampling]
) -> None:
    """Measure every candidate at those samplings of a job at which it has no record."""
    setup = session.setup
    missing = [
        unit
        for group in _groups(candidates)
        for sampling in samplings
        if (unit := _missing_unit(setup, group, sampling)).candidates
    ]
    missing.sort(key=lambda unit: -cost(unit.candidates[0].schedule).nfe)
    if missing:
        with session.console.bar("starting Ray") as bar:
            _Dispatch(session, bar, missing, job).run()


def missing_records(setup: Setup, candidates: Sequence[Candidate], split: str) -> list[Candidate]:
    """Those of the candidates that lack a record at one of a split's seeds."""
    samplings = setup.job(split, 1).samplings()
    return [candidate for candidate in candidates if not _records_of(setup, candidate, samplings)]


class _Dispatch:
    """Units of work shared out to actors, each actor one piece at a time.

    Where units are few, each is cut into pieces of whole batches, so that all actors have work; a
    unit's records are written once all its pieces are there. An actor that dies is replaced, and its piece
    is measured again, twice at most. There are more actors while the cluster has more room, and fewer while
    it has less.
    """

    def __init__(
        self,
        session: Session,
        bar: Bar,
        units: Sequence[_Unit],
        job: Job,
    ) -> None:
        self._setup, self._console, self._bar = session.setup, session.console, bar
        self._units = units
        self._cluster = session.cluster
        self._allocation = allocation = session.cluster.allocation(session.setup)
        self._bar.update(0, len(units), f"measuring on the {job.split} split, runs")
        self._job = replace(job, threads=allocation.threads, gpu_share=allocation.gpu_share)
        self._pieces_a_unit = _pieces_a_unit(len(units), allocation.actors)
        self._is_cut = False
        self._waiting: list[tuple[int, slice]] = []  # pieces: a unit's number and rows
        self._unfinished: list[int] = []  # of each unit, its pieces that have not ended
        # Of each unit, the tallies of its candidates by their first rows.
        self._tallies: list[dict[int, list[Tally]]] = [{} for _ in units]
        self._failed: set[int] = set()
        self._deaths: Counter[tuple[int, int]] = Counter()  # by a piece's unit and first row

    def run(self) -> None:
        """Measure all units.

        Raises:
            RayError: a disk is full.
        """
        import ray

        from trainables.workers.trial import Confirmer

        remote = ray.remote(num_cpus=1, num_gpus=self._allocation.gpu_request)(Confirmer)
        data = self._cluster.data(self._setup)
        room = partial(self._cluster.room, self._setup, self._allocation)
        crew = Crew(lambda: remote.remote(self._job, data), room)
        self._pieces_a_unit = _pieces_a_unit(len(self._units), max(1, room()))
        first = len(self._units) * self._pieces_a_unit
        while not self._is_cut or any(self._unfinished):
            crew.hire(crew.working + len(self._waiting) if self._is_cut else first)
            self._share_out(crew)
            ended = crew.wait()
            if ended is not None:
                self._end(ended)

    def _share_out(self, crew: Crew) -> None:
        """Give every actor that is free a piece, as far as there are some."""
        while (not self._is_cut or self._waiting) and (actor := crew.free()) is not None:
            if not self._is_cut:
                self._cut(self._samples(actor))
            if not self._waiting:
                crew.rest(actor)
                return
            number, rows = self._waiting.pop()
            unit = self._units[number]
            strategy = unit.candidates[0].strategy
            points = [dict(candidate.point) for candidate in unit.candidates]
            ends = rows.start, rows.stop
            call = actor.tallies.remote(strategy, points, unit.sampling, *ends)
            crew.give(actor, call, (number, rows))

    def _end(self, ended: Ended) -> None:
        """Keep what an actor has measured, or see to what it has not.

        Raises:
            RayError: a disk is full.
        """
        from ray.exceptions import RayActorError

        error = ended.error
        if error is not None and text_of_full_disk(str(error)):
            raise error
        if not self._is_cut:  # no actor could start so far
            self._pieces_a_unit = 1
            self._cut(self._job.limit)
        if ended.work is None and not self._waiting:
            return  # an actor that nobody needs any more has not started
        unit, rows = self._waiting.pop() if ended.work is None else ended.work
        if error is None:
            self._tallies[unit][rows.start] = ended.result
        elif isinstance(error, RayActorError) and self._goes_again(unit, rows):
            return
        else:
            self._fail(unit, last_line(str(error)))
        self._end_piece(unit)

    def _samples(self, actor: Any) -> int:
        """How many samples a unit has, where units are cut: an actor knows. If it cannot tell, nothing is
        cut: why is reported of the unit that it measures then.
        """
        import ray
        from ray.exceptions import RayError

        if self._pieces_a_unit > 1:
            try:
                samples: int = ray.get(actor.samples.remote())
                return samples
            except RayError:
                self._pieces_a_unit = 1
        return self._job.limit

    def _cut(self, samples: int) -> None:
        """Cut every unit into pieces of so many samples in all, but for those in its partial records; all of
        them wait.
        """
        self._is_cut = True
        for number in range(len(self._units)):
            sampled = self._sampled(number)
            pieces = _pieces(samples, self._job.batch, self._pieces_a_unit, sampled)
            self._waiting += [(number, rows) for rows in pieces]
            self._unfinished.append(len(pieces))
        self._waiting.reverse()

    def _sampled(self, number: int) -> int:
        """How many rows of a unit are in the partial records of all its candidates, as many of each; their
        tallies come before those of its pieces.
        """
        unit, partials = self._units[number], self._setup.storage.partials
        tallies = [
            partials.find(_config(self._setup, candidate, unit.sampling))
            for candidate in unit.candidates
        ]
        counts = {sum(map(len, parts)) for parts in tallies}
        if len(counts) > 1 or counts == {0}:
            return 0
        self._tallies[number][-1] = [joined(parts) for parts in tallies]
        return counts.pop()

    def _goes_again(self, unit: int, rows: slice) -> bool:
        """Let the piece of an actor that died be the next, if it has not died too often before: memory that
        was short for a moment is there the next time.
        """
        self._deaths[unit, rows.start] += 1
        if unit in self._failed or self._deaths[unit, rows.start] > _MOST_DEATHS:
            return False
        self._waiting.append((unit, rows))
        return True

    def _fail(self, unit: int, reason: str) -> None:
        """Report a unit that failed, once, and drop its pieces that wait."""
        if unit not in self._failed:
            strategy = self._units[unit].candidates[0].strategy
            self._console.line(f"          {strategy} failed: {reason}")
        self._failed.add(unit)
        waiting = len(self._waiting)
        self._waiting = [piece for piece in self._waiting if piece[0] != unit]
        self._unfinished[unit] -= waiting - len(self._waiting)

    def _end_piece(self, unit: int) -> None:
        """A piece of a unit has ended; with the unit's last one, keep its records."""
        self._unfinished[unit] -= 1
        if self._unfinished[unit]:
            return
        if unit not in self._failed:
            self._save(self._units[unit], self._tallies[unit])
        self._bar.update(self._unfinished.count(0), len(self._units))

    def _save(self, unit: _Unit, tallies_by_row: Mapping[int, list[Tally]]) -> None:
        """Write the records of a unit's candidates."""
        pieces = [tallies for _, tallies in sorted(tallies_by_row.items())]
        for candidate, *tallies in zip(unit.candidates, *pieces, strict=True):
            config = _config(self._setup, candidate, unit.sampling)
            measurement = measurement_of(config, candidate.point, tallies)
            self._setup.storage.records.save(measurement)
            self._setup.storage.partials.remove(config)


def _groups(candidates: Sequence[Candidate]) -> list[tuple[Candidate, ...]]:
    """The candidates in groups that are sampled once, each schedule once."""
    groups: dict[tuple[str, tuple[Move, ...]], dict[tuple[Move, ...], Candidate]] = {}
    for candidate in candidates:
        schedule = candidate.schedule
        group = groups.setdefault((candidate.strategy, before_answers(schedule)), {})
        group.setdefault(tuple(schedule), candidate)
    return [tuple(group.values()) for group in groups.values()]


def _missing_unit(setup: Setup, group: Sequence[Candidate], sampling: Sampling) -> _Unit:
    """Those of a group that have no record at a sampling."""
    missing = (candidate for candidate in group if _record_of(setup, candidate, sampling) is None)
    return _Unit(tuple(missing), sampling)


def _pieces_a_unit(units: int, actors: int) -> int:
    """Pieces of each unit: one where units are many, else as many as give every actor two."""
    return max(1, -(-_PIECES_AN_ACTOR * actors // units))


def _pieces(samples: int, batch: int, count: int, first: int = 0) -> list[slice]:
    """Rows of the pieces of so many samples from a first one: `count` pieces, or fewer, each of whole
    batches.
    """
    size = batch * max(1, -(-(samples - first) // (batch * count)))
    return [slice(row, min(row + size, samples)) for row in range(first, samples, size)]


def _record_of(setup: Setup, candidate: Candidate, sampling: Sampling) -> Measurement | None:
    """A candidate's measurement at one sampling; None where the records have none."""
    return setup.storage.records.find(_config(setup, candidate, sampling))


def _config(setup: Setup, candidate: Candidate, sampling: Sampling) -> dict[str, object]:
    """The configuration of a candidate's measurement."""
    return measurement_config(setup.task, candidate.strategy, candidate.point, sampling)


def _records_of(
    setup: Setup, candidate: Candidate, samplings: Sequence[Sampling]
) -> list[Measurement]:
    """A candidate's measurements at all samplings; an empty list where one is missing."""
    records = [_record_of(setup, candidate, sampling) for sampling in samplings]
    measurements = [record for record in records if record is not None]
    return measurements if len(measurements) == len(samplings) else []
