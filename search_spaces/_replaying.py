"""A search space as data. As a space is written as a function of a trial, its data come from running it
with trials that answer its questions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypedDict, cast

from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from search_spaces._ranges import Point

Suggest: TypeAlias = Callable[..., Point]
"""`suggest(trial, T, kind)` of a strategy's file."""
Answer: TypeAlias = Callable[[str, BaseDistribution], CategoricalChoiceType]
"""The value for a question, which is a name and a distribution."""

_CORNERS, _DRAWS = 48, 96
_SEED = 0
_ROUNDING = 1e-8  # of the number of steps from the lowest value to another


class SpaceDescription(TypedDict):
    """A space as JSON types.

    Args:
        paths: the lists of questions that a trial may be asked, each question a name and its
            distribution's data.
        points: for each list of answers the number of the path, the answers, the point.
    """

    paths: list[list[list[object]]]
    points: list[list[object]]


def description_of(suggest: Suggest, T: int, kind: str) -> SpaceDescription:
    """A space as JSON types: the questions on each path through it, and the points that answers lead to.
    It changes with the space, and with nothing else: not with the text that the space is written in.

    The answers are the same in every process: the lowest, the highest and the middle of every range,
    then corners and others that a generator with a fixed seed draws. Answers come from draws by
    products and sums alone, which are the same on every machine.
    """
    generator = random.Random(_SEED)
    shares: list[Callable[[], float]] = [lambda: 0.0, lambda: 1.0, lambda: 0.5]
    shares += [lambda: float(generator.random() < 0.5)] * _CORNERS
    shares += [generator.random] * _DRAWS
    paths: list[list[list[object]]] = []
    points: list[list[object]] = []
    for share in shares:
        trial = _Trial(_answers_at(share))
        point = suggest(trial, T, kind)
        path = [[name, *_as_data(question)] for name, question in trial.questions.items()]
        if path not in paths:
            paths.append(path)
        entry: list[object] = [paths.index(path), list(trial.answers.values()), point]
        if entry not in points:
            points.append(entry)
    return {"paths": paths, "points": points}


class NoSuchPoint(ValueError):
    """A space has no point with these parameters."""


def answers_to(
    suggest: Suggest, point: Mapping[str, object], T: int, kind: str
) -> tuple[dict[str, CategoricalChoiceType], Point]:
    """The answers that a point has to a space's questions, by their names, and what the space makes of them:
    another point where it keeps to a bound.

    Raises:
        NoSuchPoint: the point lacks a parameter that is asked for, or has it out of range.
    """

    def answer(name: str, distribution: BaseDistribution) -> CategoricalChoiceType:
        value = cast(CategoricalChoiceType, point.get(name))
        if name not in point or not _has(distribution, value):
            raise NoSuchPoint(f"{name} is {value!r}, but must be of {distribution}")
        return value

    trial = _Trial(answer)
    replayed = suggest(trial, T, kind)
    return trial.answers, replayed


def _has(distribution: BaseDistribution, value: object) -> bool:
    """Whether a distribution has a value."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if not distribution.low <= value <= distribution.high:
        return False
    steps = (value - distribution.low) / (distribution.step or 1)
    return distribution.step is None or abs(steps - round(steps)) < _ROUNDING


class _Trial:
    """The part of an Optuna trial that a space uses; a function of name and distribution answers."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.questions: dict[str, BaseDistribution] = {}
        self.answers: dict[str, CategoricalChoiceType] = {}

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        return cast(int, self._suggest(name, IntDistribution(low, high, log=log, step=step)))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return cast(float, self._suggest(name, FloatDistribution(low, high, log=log, step=step)))

    def suggest_categorical(
        self, name: str, choices: Sequence[CategoricalChoiceType]
    ) -> CategoricalChoiceType:
        return self._suggest(name, CategoricalDistribution(choices))

    def _suggest(self, name: str, distribution: BaseDistribution) -> CategoricalChoiceType:
        """The answer; it stays the same where a question is repeated, as in Optuna's own trials."""
        if name not in self.questions:
            self.questions[name] = distribution
            self.answers[name] = self._answer(name, distribution)
        return self.answers[name]


def _as_data(distribution: BaseDistribution) -> list[object]:
    """Kind, low, high, step and scale of numbers; kind and choices of categories."""
    if isinstance(distribution, CategoricalDistribution):
        return ["categorical", list(distribution.choices)]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    kind = "int" if isinstance(distribution, IntDistribution) else "float"
    return [kind, distribution.low, distribution.high, distribution.step, distribution.log]


def _answers_at(share: Callable[[], float]) -> Answer:
    """A function that answers every question with the value at the next share of its range."""
    return lambda _, distribution: _value_at(share(), distribution)


def _value_at(share: float, distribution: BaseDistribution) -> CategoricalChoiceType:
    """The value at a share, from 0 to 1, of a distribution's range; low values are nearer to each other
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
