"""Search spaces, one file a strategy: what is searched, and the paper's own point in it.

A strategy's file has `paper_point(T, kind)`, the paper's setting for a kind of signal, "image" or
"speech", at T noise levels (for speech, T steps), and `suggest(trial, T, kind)`, which asks an Optuna
trial for a point. Both give the parameters of the strategy as a mapping and look at nothing but their
arguments. A baseline's file also has `grid(T, kind)`, the points that its best is chosen from. No
point costs more calls than the dearest of the paper's for that kind.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import TYPE_CHECKING, Any

from trainables.core import plugins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.distributions import BaseDistribution

    from search_spaces._replaying import Suggest


def load(strategy: str) -> ModuleType:
    """The search space of a strategy.

    Raises:
        UsageError: there is none.
    """
    return plugins.load(__name__, "search space", strategy)


def names() -> tuple[str, ...]:
    """Strategies that have a search space."""
    return plugins.names(__name__)


@functools.cache
def description(strategy: str, T: int, kind: str) -> dict[str, Any]:
    """The space of a strategy, `described`.

    Raises:
        UsageError: the strategy has none.
    """
    return described(load(strategy).suggest, T, kind)


def described(suggest: Suggest, T: int, kind: str) -> dict[str, Any]:
    """A space as JSON types: what it asks on each path through it, and the points that come of answers.
    It changes with the space, and with nothing else: not with the text that it is written in.
    """
    from search_spaces import _replaying  # here, as Optuna takes a second to import

    return _replaying.described(suggest, T, kind)


def replayed(
    suggest: Suggest,
    T: int,
    kind: str,
    asked: Mapping[str, BaseDistribution],
    answers: Mapping[str, Any],
) -> dict[str, Any] | None:
    """The point that a space makes of what was answered before; None where it asks otherwise now than
    it did then.
    """
    from search_spaces import _replaying

    return _replaying.replayed(suggest, T, kind, asked, answers)
