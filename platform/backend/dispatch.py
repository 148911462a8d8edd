"""Units of measurement shared out to the cluster's actors, or one unit's samples spread over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from platform.backend.candidates import Unit, config_of
from platform.backend.crew import Crew, Ended
from platform.backend.room_watch import RoomWatch
from platform.backend.session import Session
from platform.cli.console import Bar
from platform.cli.failures import text_of_full_disk
from platform.cli.interrupts import last_line
from typing import Any

from trainables.evaluation.measurement import Tally, joined, measurement_of
from trainables.workers.job import Job

_PIECE_SECONDS = 10.0
"""After these an actor tells what it has of its piece, the rest of which is a piece then: people see how far
it is, and little is lost when it dies or all is stopped.
"""
_PIECES_AN_ACTOR = 2
"""Pieces of work that every actor is to have at least, so that none waits long for the last."""
_MOST_DEATHS = 2
"""How often a piece of work is begun again after its actor has died."""
_MOST_FAILED_STARTS = 10
"""In a row, after which work fails for it: Ray sends actors to a node that is gone until it misses it."""


class Dispatch:
    """Units of work shared out to actors, each actor one piece at a time.

    Where units are few, each is cut into pieces of whole batches, so that all actors have work; a
    unit's records are written once all its pieces are there, and what there is from its first sample on is
    kept in its partial records until then. An actor that dies is replaced, and its piece is measured again,
    twice at most. There are more actors while the cluster has more room, and fewer while it has less; where
    it has none, the console is told so.
    """

    def __init__(
        self,
        session: Session,
        bar: Bar,
        units: Sequence[Unit],
        job: Job,
    ) -> None:
        self._setup, self._console, self._bar = session.setup, session.console, bar
        self._units = units
        self._cluster = session.cluster
        self._allocation = allocation = session.cluster.allocation(session.setup)
        self._bar.update(0, len(units) * job.limit, f"measuring on the {job.split} split, samples")
        self._job = replace(job, threads=allocation.threads, gpu_share=allocation.gpu_share)
        self._pieces_a_unit = _pieces_a_unit(len(units), allocation.actors)
        self._is_cut = False
        self._waiting: list[tuple[int, slice]] = []  # pieces: a unit's number and rows
        self._unfinished: list[int] = []  # of each unit, its pieces that have not ended
        self._samples_a_unit = job.limit
        # Of each unit, the tallies of its candidates by their first rows.
        self._tallies: list[dict[int, list[Tally]]] = [{} for _ in units]
        self._failed: set[int] = set()
        self._deaths: Counter[tuple[int, int]] = Counter()  # by a piece's unit and first row
        self._failed_starts = 0  # in a row

    def run(self) -> None:
        """Measure all units.

        Raises:
            RayError: a disk is full.
        """
        import ray

        from trainables.workers.confirmer import Confirmer

        remote = ray.remote(num_cpus=1, num_gpus=self._allocation.gpu_request)(Confirmer)
        data = self._cluster.data(self._setup)
        room = partial(self._cluster.room, self._setup, self._allocation)
        kind = self._setup.task, self._setup.storage, self._job.batch, self._allocation
        kept = self._cluster.crew
        crew = kept.take(kind, lambda: Crew(lambda: remote.remote(self._job, data), room))
        self._pieces_a_unit = _pieces_a_unit(len(self._units), max(1, room()))
        first = len(self._units) * self._pieces_a_unit
        watch = RoomWatch(self._console, "measuring", "an actor that measures", lambda: room() > 0)
        while not self._is_cut or any(self._unfinished):
            watch.look()
            crew.hire(crew.working + len(self._waiting) if self._is_cut else first)
            self._share_out(crew)
            ended = crew.wait()
            if ended is not None:
                self._end(ended)
        kept.leave(kind, crew)

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
            call = actor.tallies.remote(strategy, points, unit.sampling, *ends, _PIECE_SECONDS)
            crew.give(actor, call, (number, rows))
            self._failed_starts = 0

    def _end(self, ended: Ended) -> None:
        """Keep what an actor has measured, or see to what it has not.

        Raises:
            RayError: a disk is full.
        """
        from ray.exceptions import RayActorError

        error = ended.error
        if error is not None and text_of_full_disk(str(error)):
            raise error
        if ended.work is None and isinstance(error, RayActorError) and not error.actor_init_failed:
            self._failed_starts += 1
            if self._failed_starts <= _MOST_FAILED_STARTS:
                return
        if not self._is_cut:  # no actor could start so far
            self._pieces_a_unit = 1
            self._cut(self._job.limit)
        if ended.work is None and not self._waiting:
            return  # an actor that nobody needs any more has not started
        unit, rows = self._waiting.pop() if ended.work is None else ended.work
        if error is None:
            tallies, is_whole = ended.result
            self._tallies[unit][rows.start] = tallies
            if not is_whole and unit not in self._failed:
                self._waiting.append((unit, slice(rows.start + len(tallies[0]), rows.stop)))
                self._unfinished[unit] += 1
        elif isinstance(error, RayActorError) and self._goes_again(unit, rows):
            return
        else:
            self._fail(unit, last_line(str(error)))
        self._end_piece(unit)

    def _samples(self, actor: Any) -> int:
        """How many samples a unit has: an actor knows. If it cannot tell, nothing is cut: why is reported of
        the unit that it measures then.
        """
        import ray
        from ray.exceptions import RayError

        try:
            samples: int = ray.get(actor.samples.remote(self._job.split, self._job.limit))
            return samples
        except RayError:
            self._pieces_a_unit = 1
            return self._job.limit

    def _cut(self, samples: int) -> None:
        """Cut every unit into pieces of so many samples in all, but for those in its partial records; all of
        them wait.
        """
        self._is_cut, self._samples_a_unit = True, samples
        for number in range(len(self._units)):
            sampled = self._sampled(number)
            pieces = _pieces(samples, self._job.batch, self._pieces_a_unit, sampled)
            self._waiting += [(number, rows) for rows in pieces]
            self._unfinished.append(len(pieces))
        self._waiting.reverse()
        self._show()

    def _sampled(self, number: int) -> int:
        """How many rows of a unit are in the partial records of all its candidates, as many of each; their
        tallies come before those of its pieces.
        """
        unit, partials = self._units[number], self._setup.storage.partials
        tallies = [
            partials.find(config_of(self._setup, candidate, unit.sampling))
            for candidate in unit.candidates
        ]
        counts = {sum(map(len, parts)) for parts in tallies}
        if len(counts) > 1 or counts == {0}:
            return 0
        self._tallies[number][0] = [joined(parts) for parts in tallies]
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
        """A piece of a unit has ended; keep what there is of the unit, and with its last one its records."""
        self._unfinished[unit] -= 1
        if unit not in self._failed:
            if self._unfinished[unit]:
                self._keep_partial(unit)
            else:
                self._save(self._units[unit], self._tallies[unit])
        self._show()

    def _show(self) -> None:
        """Show how many samples have been measured, or will not be, in all units."""
        measured = [sum(len(tallies[0]) for tallies in pieces.values()) for pieces in self._tallies]
        for unit in self._failed:
            measured[unit] = self._samples_a_unit
        self._bar.update(sum(measured), self._samples_a_unit * len(self._units))

    def _keep_partial(self, number: int) -> None:
        """Keep what there is of a unit from its first row on in the partial records of its candidates."""
        unit, row, pieces = self._units[number], 0, list[list[Tally]]()
        while row in self._tallies[number]:
            pieces.append(self._tallies[number][row])
            row += len(pieces[-1][0])
        if not pieces:
            return
        for candidate, *tallies in zip(unit.candidates, *pieces, strict=True):
            config = config_of(self._setup, candidate, unit.sampling)
            self._setup.storage.partials.save(config, tallies)

    def _save(self, unit: Unit, tallies_by_row: Mapping[int, list[Tally]]) -> None:
        """Write the records of a unit's candidates."""
        pieces = [tallies for _, tallies in sorted(tallies_by_row.items())]
        for candidate, *tallies in zip(unit.candidates, *pieces, strict=True):
            config = config_of(self._setup, candidate, unit.sampling)
            measurement = measurement_of(config, candidate.point, tallies)
            self._setup.storage.records.save(measurement)
            self._setup.storage.partials.remove(config)


def _pieces_a_unit(units: int, actors: int) -> int:
    """Pieces of each unit: one where units are many, else as many as give every actor two."""
    return max(1, -(-_PIECES_AN_ACTOR * actors // units))


def _pieces(samples: int, batch: int, count: int, first: int = 0) -> list[slice]:
    """Rows of the pieces of so many samples from a first one: `count` pieces, or fewer, each of whole
    batches.
    """
    size = batch * max(1, -(-(samples - first) // (batch * count)))
    return [slice(row, min(row + size, samples)) for row in range(first, samples, size)]
