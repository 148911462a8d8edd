"""Measuring many points at once on the cluster's actors; what is in the records costs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from platform.cluster import Cluster
from platform.console import Bar, Console
from platform.interrupts import last_line
from platform.plan import Plan
from typing import Any

from trainables.evaluation import Sampling, measurement_config, schedule_of
from trainables.records import Measurement
from trainables.strategies._moves import cost


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
        with console.bar(f"measuring on the {split} split, runs") as bar:
            _run(plan, cluster, console, bar, missing, split)
    measured = []
    for candidate in candidates:
        found = [_known(plan, candidate, sampling) for sampling in job.samplings()]
        measured.append([m for m in found if m is not None] if all(found) else [])
    return measured


def _run(
    plan: Plan,
    cluster: Cluster,
    console: Console,
    bar: Bar,
    units: Sequence[tuple[Candidate, Sampling]],
    split: str,
) -> None:
    """Measure the units, each actor one at a time; an actor that dies is replaced by a new one."""
    room = cluster.room()
    import ray
    from ray.exceptions import RayError

    from trainables.trial import Confirmer

    remote = ray.remote(num_cpus=1, num_gpus=plan.gpus_per_trial)(Confirmer)
    job = plan.job(split, room.threads)
    waiting = list(reversed(units))
    running: dict[Any, tuple[Any, Candidate]] = {}
    done = 0

    def start(actor: Any) -> None:
        candidate, sampling = waiting.pop()
        call = actor.measure.remote(candidate.strategy, dict(candidate.point), sampling)
        running[call] = actor, candidate

    for _ in range(min(room.actors, len(units))):
        start(remote.remote(job))
    while running:
        (call,), _ = ray.wait(list(running), num_returns=1)
        actor, candidate = running.pop(call)
        try:
            ray.get(call)
        except RayError as error:
            console.line(f"          {candidate.strategy} failed: {last_line(str(error))}")
            ray.kill(actor)
            actor = remote.remote(job)
        done += 1
        bar.update(done, len(units))
        if waiting:
            start(actor)


def _known(plan: Plan, candidate: Candidate, sampling: Sampling) -> Measurement | None:
    config = measurement_config(plan.task, candidate.strategy, candidate.point, sampling)
    return plan.places.records.find(config)
