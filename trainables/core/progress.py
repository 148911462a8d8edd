"""How work that takes its time says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]


def quiet(done: int, total: int, text: str) -> None:
    """No progress."""
