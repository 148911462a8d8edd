"""Whether a cluster has room for the work at hand, told where that changes."""

from __future__ import annotations

from collections.abc import Callable
from platform.cli.console import Console


class RoomWatch:
    """Tells the console when nodes have gone that the work needs, and when it has room again.

    Args:
        console: what is told.
        work: what the work is, such as `the training`.
        needed: what there must be room for, such as `2 training workers`.
        has_room: whether the cluster has room for it at the moment.
        advice: what can be done besides waiting.
    """

    def __init__(
        self,
        console: Console,
        work: str,
        needed: str,
        has_room: Callable[[], bool],
        advice: str = "Ctrl-C, and the same command goes on another time",
    ) -> None:
        self._console, self._work, self._needed = console, work, needed
        self._has_room, self._advice = has_room, advice
        self._waits = False

    def look(self) -> None:
        """Look whether there is room, and tell what has changed."""
        waits = not self._has_room()
        if waits and not self._waits:
            self._console.line(
                f"          nodes have left: no room for {self._needed}; waiting for others to join "
                f"({self._advice})"
            )
        elif self._waits and not waits:
            self._console.line(f"          there is room again: {self._work} goes on")
        self._waits = waits
