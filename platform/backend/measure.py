"""Measuring many points at once on the cluster's actors, or one point's samples spread over them;
what is in the records costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from platform.backend.cluster import Cluster
from platform.cli.console import Bar, Console
from platform.cli.interrupts import last_line
from platform.planning.plan import Plan
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
    plan: Plan,
    cluster: Cluster,
    console: Console,
    candidates: Sequence[Candidate],
    split: str,
    seeds: int | None = None,
) -> list[list[Measurement]]:
    """Measure every candidate on a split at the split's seeds, or at the first `seeds` of them; a
    list a candidate, in order.

    A candidate that fails is reported, and its list is empty. Dear points go first, so that no actor
    is left with one at the end.
    """
    job = plan.job(split, 1, seeds)
    wanted = [(c, sampling) for c in candidates for sampling in job.samplings()]
    missing = [unit for unit in wanted if _known(plan, *unit) is None]
    missing.sort(key=lambda unit: -cost(schedule_of(unit[0].strategy, unit[0].point)).nfe)
    if missing:
        with console.bar("starting Ray") as bar:
            _Dispatch(plan, cluster, console, bar, missing, job).run()
    measured = []
    for candidate in candidates:
        found = [_known(plan, candidate, sampling) for sampling in job.samplings()]
        measured.append([m for m in found if m is not None] if all(found) else [])
    return measured


class _Dispatch:
    """Units of work shared out to actors, each actor one piece at a time.

    Where units are few, each is cut into pieces of whole batches, so that all actors have work; a
    unit's record is written once all its pieces are there. An actor that dies is replaced.
    """

    def __init__(
        self,
        plan: Plan,
        cluster: Cluster,
        console: Console,
        bar: Bar,
        units: Sequence[tuple[Candidate, Sampling]],
        job: Job,
    ) -> None:
        self._plan, self._console, self._bar, self._units = plan, console, bar, units
        given = cluster.allocation(plan)
        self._bar.update(0, len(units), f"measuring on the {job.split} split, runs")
        self._job = replace(job, threads=given.threads, gpu_share=given.gpu_share)
        self._wanted = _pieces_wanted(len(units), given.actors)
        self._actors = min(given.actors, len(units) * self._wanted)
        self._waiting: list[tuple[int, slice]] = []
        self._left: list[int] = []
        self._tallies: list[dict[int, Tally]] = [{} for _ in units]
        self._failed: set[int] = set()

    def run(self) -> None:
        """Measure all units."""
        import ray
        from ray.exceptions import RayError

        from trainables.workers.trial import Confirmer

        remote = ray.remote(num_cpus=1, num_gpus=self._job.gpu_share)(Confirmer)
        running: dict[Any, tuple[Any, int, int]] = {}

        def start(actor: Any) -> None:
            if self._waiting:
                unit, rows = self._waiting.pop()
                candidate, sampling = self._units[unit]
                ends = rows.start, rows.stop
                call = actor.tally.remote(
                    candidate.strategy, dict(candidate.point), sampling, *ends
                )
                running[call] = actor, unit, rows.start

        actors: list[Any] = [remote.remote(self._job) for _ in range(self._actors)]
        self._cut(self._samples(actors[0]))
        for actor in actors:
            start(actor)
        while running:
            (call,), _ = ray.wait(list(running), num_returns=1)
            actor, unit, first = running.pop(call)
            try:
                self._tallies[unit][first] = ray.get(call)
            except RayError as error:
                self._fail(unit, last_line(str(error)))
                ray.kill(actor)
                actor = remote.remote(self._job)
            self._ended(unit)
            start(actor)

    def _samples(self, actor: Any) -> int:
        """How many samples units are of, where they are cut. An actor loads the data anyway; nobody else
        has to. If it cannot tell, nothing is cut: why will be told of the unit that it measures then.
        """
        import ray
        from ray.exceptions import RayError

        if self._wanted > 1:
            try:
                samples: int = ray.get(actor.samples.remote())
                return samples
            except RayError:
                self._wanted = 1
        return self._job.limit

    def _cut(self, samples: int) -> None:
        """Cut every unit into pieces of so many samples in all; all of them wait."""
        pieces = _pieces(samples, self._job.batch, self._wanted)
        units = range(len(self._units))
        self._waiting = [(unit, rows) for unit in units for rows in pieces][::-1]
        self._left = [len(pieces) for _ in units]

    def _fail(self, unit: int, reason: str) -> None:
        """Report a unit that failed, once, and drop its other pieces."""
        if unit not in self._failed:
            self._console.line(f"          {self._units[unit][0].strategy} failed: {reason}")
        self._failed.add(unit)
        dropped = sum(one == unit for one, _ in self._waiting)
        self._waiting = [piece for piece in self._waiting if piece[0] != unit]
        self._left[unit] -= dropped

    def _ended(self, unit: int) -> None:
        """A piece has ended; with the last one, keep the unit's record."""
        self._left[unit] -= 1
        if self._left[unit]:
            return
        if unit not in self._failed:
            candidate, sampling = self._units[unit]
            tallies = [tally for _, tally in sorted(self._tallies[unit].items())]
            config = measurement_config(
                self._plan.task, candidate.strategy, candidate.point, sampling
            )
            measured = measurement_of(config, candidate.point, tallies)
            self._plan.places.records.save(measured)
        self._bar.update(sum(left == 0 for left in self._left), len(self._units))


def _pieces_wanted(units: int, actors: int) -> int:
    """Pieces of each unit: one where units are many, else as many as give every actor two."""
    return max(1, -(-_PIECES_AN_ACTOR * actors // units))


def _pieces(samples: int, batch: int, wanted: int) -> list[slice]:
    """Rows of the pieces of so many samples: as many pieces as are wanted, or fewer, of whole batches."""
    size = batch * max(1, -(-samples // (batch * wanted)))
    return [slice(first, min(first + size, samples)) for first in range(0, samples, size)]


def _known(plan: Plan, candidate: Candidate, sampling: Sampling) -> Measurement | None:
    config = measurement_config(plan.task, candidate.strategy, candidate.point, sampling)
    return plan.places.records.find(config)
