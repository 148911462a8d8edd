"""Measuring many points at once on the cluster's actors; what is in the records costs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from platform.cluster import Cluster
from platform.console import Console
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
    plan: Plan, cluster: Cluster, console: Console, candidates: Sequence[Candidate], split: str
) -> list[list[Measurement]]:
    """Measure every candidate on a split at the split's seeds; a list a candidate, in order.

    Dear points go first, so that no actor is left with one at the end.
    """
    job = plan.job(split, 1)
    wanted = [(c, sampling) for c in candidates for sampling in job.samplings()]
    missing = [unit for unit in wanted if _known(plan, *unit) is None]
    missing.sort(key=lambda unit: -cost(schedule_of(unit[0].strategy, unit[0].point)).nfe)
    if missing:
        _run(plan, cluster, console, missing, split)
    return [[_found(plan, c, sampling) for sampling in job.samplings()] for c in candidates]


def _run(
    plan: Plan,
    cluster: Cluster,
    console: Console,
    units: list[tuple[Candidate, Sampling]],
    split: str,
) -> None:
    room = cluster.room()
    import ray
    from ray.util import ActorPool

    from trainables.trial import Confirmer

    job = plan.job(split, room.threads)
    options = {"num_cpus": 1, **({"num_gpus": plan.gpus_per_trial} if plan.gpus_per_trial else {})}
    remote = ray.remote(**options)(Confirmer)
    actors = [remote.remote(job) for _ in range(min(room.actors, len(units)))]
    pool = ActorPool(actors)
    done = 0
    try:
        with console.bar(f"measuring on the {split} split, runs") as bar:
            results = pool.map_unordered(
                lambda actor, unit: actor.measure.remote(
                    unit[0].strategy, dict(unit[0].point), unit[1]
                ),
                units,
            )
            for _ in results:
                done += 1
                bar.update(done, len(units))
    finally:
        for actor in actors:
            ray.kill(actor)


def _known(plan: Plan, candidate: Candidate, sampling: Sampling) -> Measurement | None:
    config = measurement_config(plan.task, candidate.strategy, candidate.point, sampling)
    return plan.places.records.find(config)


def _found(plan: Plan, candidate: Candidate, sampling: Sampling) -> Measurement:
    measurement = _known(plan, candidate, sampling)
    assert measurement is not None
    return measurement
