"""Actors on a cluster that grows and shrinks: as many as there is work and room for; and those that stay from
one work to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.exceptions import RayError

_LOOK_SECONDS = 5.0  # after which it is looked whether there is more room


@dataclass(frozen=True)
class Ended:
    """Work that has ended.

    Args:
        work: what the actor was given; None where it did not even start.
        result: what the actor's method returned, if it did.
        error: what it raised, or of what the actor died.
    """

    work: Any
    result: Any = None
    error: RayError | None = None


class Crew:
    """The actors. One is given work once it has started, so that no work waits for an actor that has no room;
    one that fails is ended, and replaced where there is room.

    Args:
        new: asks Ray for another actor.
        room: how many actors the cluster has room for at the moment.
    """

    def __init__(self, new: Callable[[], Any], room: Callable[[], int]) -> None:
        self._new, self._room = new, room
        self._starting: dict[Any, Any] = {}  # actors by the calls that tell that they have started
        self._working: dict[Any, tuple[Any, Any]] = {}  # actors and their work, by their calls
        self._idle: list[Any] = []

    @property
    def working(self) -> int:
        """How many actors work."""
        return len(self._working)

    def hire(self, useful: int) -> None:
        """Ask for as many more actors as are of use, in all, and have room; there is one at least."""
        wanted = min(max(1, self._room()), useful)
        for _ in range(wanted - len(self._starting) - len(self._working) - len(self._idle)):
            actor = self._new()
            self._starting[actor.__ray_ready__.remote()] = actor

    def free(self) -> Any:
        """An actor that has started and has no work; None where there is none."""
        return self._idle.pop() if self._idle else None

    def give(self, actor: Any, call: Any, work: Any) -> None:
        """Note that a free actor has work; `call` ends when it is done."""
        self._working[call] = actor, work

    def rest(self, actor: Any) -> None:
        """Note that a free actor stays without work."""
        self._idle.append(actor)

    def end(self) -> None:
        """End the actors that have no work. They are killed: one that only loses its last handle exits by
        Ray's own way, in which one of 2.60 was seen to wait for itself, with all its memory, for good.
        """
        import ray

        for actor in [*self._idle, *self._starting.values()]:
            ray.kill(actor)
        self._idle, self._starting = [], {}

    def wait(self) -> Ended | None:
        """Wait until something happens, but not for long; returns the work that has ended, if any."""
        import ray
        from ray.exceptions import RayError

        calls = [*self._starting, *self._working]
        if not calls:
            return None
        ended, _ = ray.wait(calls, num_returns=1, timeout=_LOOK_SECONDS)
        if not ended:
            return None
        (call,) = ended
        actor, work = (
            (self._starting.pop(call), None) if call in self._starting else self._working.pop(call)
        )
        try:
            result = ray.get(call)
        except RayError as error:
            ray.kill(actor)
            return Ended(work, error=error)
        self._idle.append(actor)
        return None if work is None else Ended(work, result)


class KeptCrew:
    """The crew that has ended one work and stays for the next of its kind: actors take seconds to start."""

    def __init__(self) -> None:
        self._is_kept = False
        self._crew: tuple[object, Crew] | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Within it, crews stay. They keep their CPUs and GPUs, so that nothing but the work of crews may ask
        for any meanwhile.
        """
        self._is_kept = True
        try:
            yield
            self._replace(None)
        finally:
            self._is_kept, self._crew = False, None

    def take(self, kind: object, new: Callable[[], Crew]) -> Crew:
        """The crew that has stayed where it is of this kind, else a new one; one of another kind leaves."""
        has, crew = self._crew or (None, None)
        if crew is None or has != kind:
            self._replace(None)
            return new()
        self._crew = None
        return crew

    def leave(self, kind: object, crew: Crew) -> None:
        """A crew has ended its work: it stays where crews are kept, and else its actors end."""
        if self._is_kept:
            self._replace((kind, crew))
        else:
            crew.end()

    def _replace(self, crew: tuple[object, Crew] | None) -> None:
        """Another crew stays, or none; the actors of the one that did end."""
        if self._crew is not None:
            self._crew[1].end()
        self._crew = crew
