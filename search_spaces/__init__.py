"""Search spaces, one file a strategy: what is searched, and the paper's own point in it.

A strategy's file has `paper_point(T, kind)`, the paper's setting for a kind of signal, "image" or
"speech", at T noise levels (for speech, T steps), and `suggest(trial, T, kind)`, which asks an Optuna
trial for a point. Both give the parameters of the strategy as a mapping and look at nothing but their
arguments. A baseline's file also has `grid(T, kind)`, the points that its best is chosen from. No
point costs more calls than the dearest of the paper's for that kind.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING

from trainables.core import plugins
from trainables.strategies import schedule_of

if TYPE_CHECKING:
    from optuna.distributions import CategoricalChoiceType

    from search_spaces._replaying import SpaceDescription, Suggest


def load(strategy: str) -> ModuleType:
    """The search space of a strategy.

    Raises:
        UsageError: there is none.
    """
    return plugins.load(__name__, "search space", strategy)


def names() -> tuple[str, ...]:
    """Names of the strategies that have a search space."""
    return plugins.names(__name__)


def suggest_of(strategy: str, settled: bool = False) -> Suggest:
    """`suggest` of a strategy's space; with `settled` that of the larger space that has the parameter of this
    name for points of several chains. It is no part of the usual space, so that searches stay as they were.

    Raises:
        UsageError: the strategy has no space.
    """
    suggest: Suggest = load(strategy).suggest
    if not settled:
        return suggest
    from search_spaces import _settled  # here, as Optuna takes a second to import

    return _settled.with_settled(suggest)


@functools.cache
def description(strategy: str, T: int, kind: str, settled: bool = False) -> SpaceDescription:
    """The description of a strategy's space, made by `description_of`; with `settled` of the larger one.

    Raises:
        UsageError: the strategy has none.
    """
    return description_of(suggest_of(strategy, settled), T, kind)


def answers_to(
    strategy: str, point: Mapping[str, object], T: int, kind: str, settled: bool = False
) -> dict[str, CategoricalChoiceType] | None:
    """The answers with which a strategy's space, with `settled` the larger one, yields a point; None where
    the space has no point of the same schedule.

    Raises:
        UsageError: the strategy has no space, or the point's parameters are none of the strategy's.
    """
    from search_spaces import _replaying  # here, as Optuna takes a second to import

    suggest, whole = suggest_of(strategy, settled), {"settled": 0.0, **point}
    try:
        answers, replayed = _replaying.answers_to(suggest, whole, T, kind)
    except _replaying.NoSuchPoint:
        return None
    return answers if schedule_of(strategy, replayed) == schedule_of(strategy, point) else None


def description_of(suggest: Suggest, T: int, kind: str) -> SpaceDescription:
    """A space as JSON types: the questions on each path through it, and the points that answers lead to.
    It changes with the space, and with nothing else: not with the text that the space is written in.
    """
    from search_spaces import _replaying  # here, as Optuna takes a second to import

    return _replaying.description_of(suggest, T, kind)
