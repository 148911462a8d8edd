"""Timing points on one actor while no other actor of the sweep works."""

from __future__ import annotations

from collections.abc import Sequence
from platform.backend.candidates import Candidate
from platform.backend.session import Session
from typing import Any


def seconds_alone(session: Session, candidates: Sequence[Candidate]) -> list[float]:
    """Seconds that each point takes a sample on validation samples, timed one after the other on one actor.

    Raises:
        RayError: a point cannot be sampled, or its actor has died.
    """
    import ray

    from trainables.workers.trial import Confirmer

    setup, allocation = session.setup, session.cluster.allocation(session.setup)
    job = setup.job("validation", allocation.threads, gpu_share=allocation.gpu_share)
    remote = ray.remote(num_cpus=1, num_gpus=allocation.gpu_request)(Confirmer)
    actor: Any = remote.remote(job, session.cluster.data(setup))
    with session.console.bar("timing") as bar:
        times: list[float] = []
        for candidate in candidates:
            bar.update(len(times), len(candidates), "timing points, one at a time")
            times.append(
                ray.get(actor.seconds_alone.remote(candidate.strategy, dict(candidate.point)))
            )
    ray.kill(actor)
    return times
