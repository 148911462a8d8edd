"""Measuring many points at once on the cluster's actors, or one point's samples spread over them;
what is in the records costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from platform.backend.session import Session
from platform.cli.console import Bar
from platform.cli.interrupts import last_line
from platform.planning.setup import Setup
from typing import Any

from trainables.evaluation.measurement import Sampling, Tally, measurement_config, measurement_of
from trainables.evaluation.records import Measurement
from trainables.sampling.moves import cost
from trainables.strategies import schedule_of
from trainables.workers.job import Job

_PIECES_AN_ACTOR = 2
"""Pieces of work that every actor is to have at least, so that none waits long for the last."""


@dataclass(frozen=True)
class Candidate:
    """A point of a strategy that is to be measured."""

    strategy: str
    point: Mapping[str, Any] = field(hash=False)


def measure_all(
    session: Session, candidates: Sequence[Candidate], split: str, seeds: int | None = None
) -> list[list[Measurement]]:
    """Measure every candidate on a split at the split's seeds, or at the first `seeds` of them; a
    list of measurements a candidate, in order.

    A candidate that fails is reported, and its list is empty. Dear points go first, so that no actor
    is left with one at the end.
    """
    setup = session.setup
    job = setup.job(split, 1, seeds)
    samplings = job.samplings()
    units = [(candidate, sampling) for candidate in candidates for sampling in samplings]
    missing = [unit for unit in units if _record_of(setup, *unit) is None]
    missing.sort(key=lambda unit: -cost(schedule_of(unit[0].strategy, unit[0].point)).nfe)
    if missing:
        with session.console.bar("starting Ray") as bar:
            _Dispatch(session, bar, missing, job).run()
    return [_records_of(setup, candidate, samplings) for candidate in candidates]


class _Dispatch:
    """Units of work, each a candidate at one sampling, shared out to actors, each actor one piece at a
    time.

    Where units are few, each is cut into pieces of whole batches, so that all actors have work; a
    unit's record is written once all its pieces are there. An actor that dies is replaced.
    """

    def __init__(
        self,
        session: Session,
        bar: Bar,
        units: Sequence[tuple[Candidate, Sampling]],
        job: Job,
    ) -> None:
        self._setup, self._console, self._bar = session.setup, session.console, bar
        self._units = units
        allocation = session.cluster.allocation(session.setup)
        self._bar.update(0, len(units), f"measuring on the {job.split} split, runs")
        self._job = replace(job, threads=allocation.threads, gpu_share=allocation.gpu_share)
        self._pieces_a_unit = _pieces_a_unit(len(units), allocation.actors)
        self._actors = min(allocation.actors, len(units) * self._pieces_a_unit)
        self._waiting: list[tuple[int, slice]] = []  # pieces: a unit's number and rows
        self._unfinished: list[int] = []  # of each unit, its pieces that have not ended
        self._tallies: list[dict[int, Tally]] = [{} for _ in units]  # by their first rows
        self._failed: set[int] = set()

    def run(self) -> None:
        """Measure all units."""
        import ray
        from ray.exceptions import RayError

        from trainables.workers.trial import Confirmer

        remote = ray.remote(num_cpus=1, num_gpus=self._job.gpu_share)(Confirmer)
        calls: dict[Any, tuple[Any, int, int]] = {}  # under way: the actor, the unit, the first row

        def start(actor: Any) -> None:
            if self._waiting:
                unit, rows = self._waiting.pop()
                candidate, sampling = self._units[unit]
                ends = rows.start, rows.stop
                call = actor.tally.remote(
                    candidate.strategy, dict(candidate.point), sampling, *ends
                )
                calls[call] = actor, unit, rows.start

        actors: list[Any] = [remote.remote(self._job) for _ in range(self._actors)]
        self._cut(self._samples(actors[0]))
        for actor in actors:
            start(actor)
        while calls:
            (call,), _ = ray.wait(list(calls), num_returns=1)
            actor, unit, first = calls.pop(call)
            try:
                self._tallies[unit][first] = ray.get(call)
            except RayError as error:
                self._fail(unit, last_line(str(error)))
                ray.kill(actor)
                actor = remote.remote(self._job)
            self._end_piece(unit)
            start(actor)

    def _samples(self, actor: Any) -> int:
        """How many samples a unit has, where units are cut. An actor loads the data anyway; nobody else
        has to. If it cannot tell, nothing is cut: why is reported of the unit that it measures then.
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
        """Cut every unit into pieces of so many samples in all; all of them wait."""
        pieces = _pieces(samples, self._job.batch, self._pieces_a_unit)
        units = range(len(self._units))
        self._waiting = [(unit, rows) for unit in units for rows in pieces][::-1]
        self._unfinished = [len(pieces) for _ in units]

    def _fail(self, unit: int, reason: str) -> None:
        """Report a unit that failed, once, and drop its pieces that wait."""
        if unit not in self._failed:
            self._console.line(f"          {self._units[unit][0].strategy} failed: {reason}")
        self._failed.add(unit)
        waiting = len(self._waiting)
        self._waiting = [piece for piece in self._waiting if piece[0] != unit]
        self._unfinished[unit] -= waiting - len(self._waiting)

    def _end_piece(self, unit: int) -> None:
        """A piece of a unit has ended; with the unit's last one, keep its record."""
        self._unfinished[unit] -= 1
        if self._unfinished[unit]:
            return
        if unit not in self._failed:
            candidate, sampling = self._units[unit]
            tallies = [tally for _, tally in sorted(self._tallies[unit].items())]
            config = measurement_config(
                self._setup.task, candidate.strategy, candidate.point, sampling
            )
            measurement = measurement_of(config, candidate.point, tallies)
            self._setup.storage.records.save(measurement)
        self._bar.update(self._unfinished.count(0), len(self._units))


def _pieces_a_unit(units: int, actors: int) -> int:
    """Pieces of each unit: one where units are many, else as many as give every actor two."""
    return max(1, -(-_PIECES_AN_ACTOR * actors // units))


def _pieces(samples: int, batch: int, count: int) -> list[slice]:
    """Rows of the pieces of so many samples: `count` pieces, or fewer, each of whole batches."""
    size = batch * max(1, -(-samples // (batch * count)))
    return [slice(first, min(first + size, samples)) for first in range(0, samples, size)]


def _record_of(setup: Setup, candidate: Candidate, sampling: Sampling) -> Measurement | None:
    """A candidate's measurement at one sampling; None where the records have none."""
    config = measurement_config(setup.task, candidate.strategy, candidate.point, sampling)
    return setup.storage.records.find(config)


def _records_of(
    setup: Setup, candidate: Candidate, samplings: Sequence[Sampling]
) -> list[Measurement]:
    """A candidate's measurements at all samplings; an empty list where one is missing."""
    records = [_record_of(setup, candidate, sampling) for sampling in samplings]
    measurements = [record for record in records if record is not None]
    return measurements if len(measurements) == len(samplings) else []
