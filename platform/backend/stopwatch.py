"""Timing points on one actor while no other actor of the sweep works."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from platform.backend.candidates import Candidate
from platform.backend.room_watch import RoomWatch
from platform.backend.session import Session
from platform.cli.console import Bar
from typing import Any

_MOST_DEATHS = 4
"""How often timing is begun again after its actor has died, maybe as it was sent to a node that is gone."""
_LOOK_SECONDS = 5.0  # after which it is looked whether the cluster has room


def seconds_alone(session: Session, candidates: Sequence[Candidate]) -> list[float]:
    """Seconds that each point takes a sample on validation samples, timed one after the other on one actor.

    Where that dies, as when its node is lost, all of them are timed anew on another one, which may be on
    another machine: seconds of two machines do not compare.

    Raises:
        RayError: a point cannot be sampled, or an actor has died too often.
    """
    import ray
    from ray.exceptions import RayActorError

    from trainables.workers.confirmer import Confirmer

    setup, allocation = session.setup, session.cluster.allocation(session.setup)
    job = setup.job("validation", allocation.threads, gpu_share=allocation.gpu_share)
    remote = ray.remote(num_cpus=1, num_gpus=allocation.gpu_request)(Confirmer)
    data = session.cluster.data(setup)
    watch = RoomWatch(
        session.console,
        "timing",
        "an actor that times",
        lambda: session.cluster.room(setup, allocation) > 0,
    )
    with session.console.bar("timing") as bar:
        deaths = 0
        while True:
            actor: Any = remote.remote(job, data)
            try:
                return _times(actor, candidates, bar, watch.look)
            except RayActorError:
                deaths += 1
                if deaths > _MOST_DEATHS:
                    raise
                session.console.line("          the actor that times has died: timing begins again")
            finally:
                ray.kill(actor)


def _times(
    actor: Any, candidates: Sequence[Candidate], bar: Bar, look: Callable[[], None]
) -> list[float]:
    """The seconds of all points on an actor; `look` is called every few seconds while it is waited for.

    Raises:
        RayError: a point cannot be sampled, or the actor has died.
    """
    import ray

    times: list[float] = []
    for candidate in candidates:
        bar.update(len(times), len(candidates), "timing points, one at a time")
        call = actor.seconds_alone.remote(candidate.strategy, dict(candidate.point))
        while not ray.wait([call], timeout=_LOOK_SECONDS)[0]:
            look()
        times.append(ray.get(call))
    return times
