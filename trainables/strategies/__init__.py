"""Strategies, one a file: who is updated when, and when each process hears from the other.

A strategy's file holds one frozen dataclass `Parameters` (its sampling parameters, checked when
made) with `schedule()`, a generator of the moves of `_moves`, and `PARTS`, the trained parts it
samples with. Where something is drawn, `Parameters` is a `Chained` and says what one chain is.
"""

from __future__ import annotations

from types import ModuleType

from trainables import plugins


def names() -> tuple[str, ...]:
    """Names of all strategies."""
    return plugins.names(__name__)


def load(name: str) -> ModuleType:
    """The module of that strategy.

    Raises:
        UsageError: there is none.
    """
    return plugins.load(__name__, "strategy", name)
