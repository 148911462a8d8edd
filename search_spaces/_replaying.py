"""What a search space is, as data: found by asking it, since it is written as a function of a trial."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

Suggest = Callable[..., dict[str, Any]]
"""`suggest(trial, T, kind)` of a strategy's file."""
Answer = Callable[[str, BaseDistribution], Any]
"""The value of what is asked by this name from this distribution."""

_CORNERS, _DRAWS = 48, 96
_SEED = 0


def described(suggest: Suggest, T: int, kind: str) -> dict[str, Any]:
    """A space as JSON types: what it asks on each path through it, and the points that come of answers.
    It changes with the space, and with nothing else: not with the text that it is written in.

    The answers are the same in every process: the lowest, the highest and the middle of all that is
    asked, then corners and others that a generator of our own draws. What is drawn is made of nothing
    but products and sums, which are the same on every machine.
    """
    generator = random.Random(_SEED)
    shares: list[Callable[[], float]] = [lambda: 0.0, lambda: 1.0, lambda: 0.5]
    shares += [lambda: float(generator.random() < 0.5)] * _CORNERS
    shares += [generator.random] * _DRAWS
    paths: list[list[list[Any]]] = []
    points: list[list[Any]] = []
    for share in shares:
        trial = _Trial(_answering(share))
        point = suggest(trial, T, kind)
        path = [[name, *_as_data(one)] for name, one in trial.asked.items()]
        if path not in paths:
            paths.append(path)
        found = [paths.index(path), list(trial.answers.values()), point]
        if found not in points:
            points.append(found)
    return {"paths": paths, "points": points}


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

    def answer(name: str, distribution: BaseDistribution) -> Any:
        if asked.get(name) != distribution:
            raise _Differs(name)
        return answers[name]

    trial = _Trial(answer)
    try:
        point = suggest(trial, T, kind)
    except _Differs:
        return None
    return point if trial.asked.keys() == asked.keys() else None


class _Differs(Exception):
    """A space asks otherwise than it did when the answers were given."""


class _Trial:
    """What a space asks of an Optuna trial, answered by a function of name and distribution."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: dict[str, BaseDistribution] = {}
        self.answers: dict[str, Any] = {}

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        value: int = self._suggest(name, IntDistribution(low, high, log=log, step=step))
        return value

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        value: float = self._suggest(name, FloatDistribution(low, high, log=log, step=step))
        return value

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._suggest(name, CategoricalDistribution(choices))

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """The answer; as Optuna's own trials, the same one where the same is asked again."""
        if name not in self.asked:
            self.asked[name] = distribution
            self.answers[name] = self._answer(name, distribution)
        return self.answers[name]


def _as_data(distribution: BaseDistribution) -> list[Any]:
    """Kind, low, high, step and scale of numbers; kind and choices of categories."""
    if isinstance(distribution, CategoricalDistribution):
        return ["categorical", list(distribution.choices)]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    return [kind, distribution.low, distribution.high, distribution.step, distribution.log]


def _answering(share: Callable[[], float]) -> Answer:
    """Answers at these shares of what is asked."""
    return lambda _, distribution: _at(share(), distribution)


def _at(share: float, distribution: BaseDistribution) -> Any:
    """The value at a share, from 0 to 1, of a distribution's range; low ones are nearer to each other
    where the scale is logarithmic.
    """
    if isinstance(distribution, CategoricalDistribution):
        choices = distribution.choices
        return choices[min(int(share * len(choices)), len(choices) - 1)]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if distribution.log:
        share *= share * share
    low, high, step = distribution.low, distribution.high, distribution.step
    if step is None:
        return min(low + share * (high - low), high)
    count = int((high - low) / step + 0.5) + 1
    return low + step * min(int(share * count), count - 1)
