"""Functions that long-running work reports its progress to."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called with how many steps are done, how many there are, and a text of what is going on."""


def quiet(done: int, total: int, text: str) -> None:
    """A progress that reports nothing."""
