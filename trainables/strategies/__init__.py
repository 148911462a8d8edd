"""Strategies, one a file: who is updated when, and when each process hears from the other.

A strategy's file holds one frozen dataclass `Parameters` (its sampling parameters, checked when
made) with `schedule()`, a generator of moves (`trainables.sampling.moves`), and `PARTS`, the trained parts it
samples with. Where something is drawn, `Parameters` is a `ChainParameters` and says what one chain is. It
has `SIGNALS` where it is not for all kinds of signals, and `LENT` where parts lend it their logit denoisers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from trainables.core import plugins
from trainables.core.config import from_mapping
from trainables.sampling.legality import check
from trainables.sampling.moves import Move
from trainables.strategies._cascades import CHEAP, CascadeParameters
from trainables.strategies._chains import ANSWERS, PREDICTORS, ChainParameters
from trainables.strategies._loops import OneLoop, TwoLoops

__all__ = [
    "ANSWERS",
    "CHEAP",
    "PREDICTORS",
    "CascadeParameters",
    "ChainParameters",
    "OneLoop",
    "TwoLoops",
    "lent",
    "load",
    "names",
    "schedule_of",
]


def names(signals: str | None = None) -> tuple[str, ...]:
    """Names of all strategies, or of those that are for signals of a kind, "image", "word" or "sentence"."""
    return plugins.names(__name__) if signals is None else plugins.names_for(__name__, signals)


def load(name: str) -> ModuleType:
    """The module of that strategy.

    Raises:
        UsageError: there is none.
    """
    return plugins.load(__name__, "strategy", name)


def lent(strategy: str) -> tuple[str, ...]:
    """The parts of a strategy that lend their logit denoiser, which denoises where a `LogitsBy` says so.

    Raises:
        UsageError: there is no such strategy.
    """
    kinds: tuple[str, ...] = getattr(load(strategy), "LENT", ())
    return kinds


def schedule_of(strategy: str, point: Mapping[str, Any]) -> list[Move]:
    """The legal moves of a strategy's point.

    Raises:
        UsageError: the strategy or a parameter is unknown, or a value is out of range.
    """
    parameters = from_mapping(load(strategy).Parameters, point)
    return check(parameters.schedule())
