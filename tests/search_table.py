"""A table of measured points of a strategy on digits, from which searches can be played without sampling."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from platform.planning.setup import Setup

import numpy as np
import optuna
import torch

from dashboards.pareto import Reference, front, hypervolume, shared_reference
from trainables import strategies
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.summary import per_image
from trainables.sampling.cost import cost
from trainables.strategies import schedule_of
from trainables.training import stages
from trainables.training.batches import Share
from trainables.training.loop import train_part
from trainables.training.objective import Context
from trainables.training.part_store import in_order

Key = tuple[int, ...]
"""A point of a grid: the number of each of its values among those that the grid has."""


@dataclass(frozen=True)
class Grid:
    """The points that a table has: all combinations of these values.

    Args:
        ordered: values of parameters that have an order, by their names.
        unordered: parameters that are chosen together, such as those of the sampler, by a name for all.
    """

    ordered: Mapping[str, Sequence[object]]
    unordered: Mapping[str, Sequence[Mapping[str, object]]]

    def keys(self) -> Iterator[Key]:
        """All points."""
        return product(*(range(len(v)) for v in [*self.ordered.values(), *self.unordered.values()]))

    def point(self, strategy: str, key: Key, T: int) -> dict[str, object]:
        """A point's sampling parameters: with one chain where more would be too dear."""
        count = len(self.ordered)
        point = {
            name: values[i]
            for (name, values), i in zip(self.ordered.items(), key[:count], strict=True)
        }
        for choices, i in zip(self.unordered.values(), key[count:], strict=True):
            point |= choices[i]
        dear = cost(schedule_of(strategy, point)).nfe > shared_reference(2, T).cost
        return point | {"chains": 1} if dear else point

    def suggest(self, trial: optuna.Trial) -> Key:
        """The point that a trial asks for."""
        ordered = [trial.suggest_int(n, 0, len(v) - 1) for n, v in self.ordered.items()]
        unordered = [trial.suggest_categorical(n, range(len(v))) for n, v in self.unordered.items()]
        return (*ordered, *unordered)

    def like(self, other: Grid, key: Key) -> Key | None:
        """The point with the values that a point of another grid has; None where there is none."""
        values = [*self.ordered.values(), *self.unordered.values()]
        others = [*other.ordered.values(), *other.unordered.values()]
        wanted = [list(each)[i] for each, i in zip(others, key, strict=True)]
        if any(value not in each for value, each in zip(wanted, values, strict=True)):
            return None
        return tuple(list(each).index(v) for v, each in zip(wanted, values, strict=True))

    def parameters(self, key: Key) -> dict[str, int]:
        """The answers of a trial that asks for this point."""
        return dict(zip([*self.ordered, *self.unordered], key, strict=True))


def grids(T: int) -> dict[str, Grid]:
    """The grid of each strategy: some hundred points."""
    few, chains = (1, 3, 10), (1, 4)
    unordered = {
        "sampler": ({"eta": 0.0}, {"eta": 1.0, "temperature": 0.0}),
        "answer": ({"answer": "x"}, {"answer": "y"}),
    }
    guidance = ({"first_guidance": "y_cor"}, {"first_guidance": "none"})
    steps = sorted({min(T, n) for n in (1, 2, 4, 10, T)})
    nested = {"outer_steps": steps, "inner_steps": (1, 2, 6), "t_switch": (0.0, 0.5, 1.0)}
    alternating = {"iterations": (1, 2, 4), "signal_steps": few, "logit_steps": few}
    more = sorted({min(T, n) for n in (1, 2, 3, 5, 10, 20, T)})
    parallel = {"steps": more, "warm_up": (0.0, 0.5, 1.0), "chains": chains}
    return {
        "nested": Grid({**nested, "refresh_interval": (0.5,), "chains": chains}, unordered),
        "parallel": Grid(parallel, unordered),
        "alternating": Grid({**alternating, "chains": (1,)}, {**unordered, "guidance": guidance}),
    }


@dataclass(frozen=True)
class Table:
    """The measured points of a strategy.

    Args:
        grid: the points.
        scores: of each point the share of its answers that are right, (N,) of each sample.
        costs: NFE of each point.
        test_accuracy: gives a point's accuracy on test images.
        seeds: answers of each sample.
        batch: samples that are measured together.
        reference: the point that hypervolumes are measured from.
    """

    grid: Grid
    scores: Mapping[Key, np.ndarray]
    costs: Mapping[Key, float]
    test_accuracy: Callable[[Key], float]
    seeds: int
    batch: int
    reference: Reference

    def value(self, key: Key) -> tuple[float, float]:
        """A point's accuracy and cost."""
        return float(self.scores[key].mean()), self.costs[key]

    @property
    def front(self) -> list[Key]:
        """The points that no other beats, by rising cost."""
        keys = list(self.scores)
        return [keys[i] for i in front([self.value(key) for key in keys])]

    @property
    def volume(self) -> float:
        """The hypervolume of all points."""
        return hypervolume([self.value(key) for key in self.scores], self.reference)

    def confirmed(self, found: Mapping[Key, tuple[float, float]]) -> float:
        """The hypervolume, as measured on test images, of the front among points that a search found."""
        keys = list(found)
        chosen = [keys[i] for i in front(list(found.values()))]
        return hypervolume([(self.test_accuracy(k), self.costs[k]) for k in chosen], self.reference)

    def drawn(self, samples: int) -> Table:
        """A table of so many samples, drawn from those there are with replacement, the same of all points."""
        count = len(next(iter(self.scores.values())))
        rows = np.random.default_rng(0).integers(0, count, samples)
        return replace(self, scores={key: scores[rows] for key, scores in self.scores.items()})


def measured(setup: Setup, strategy: str, grid: Grid) -> Table:
    """The table of a strategy's grid; what is not in the records is measured, on test images once it is asked
    for.
    """
    train_missing(setup, strategy)
    evaluator = Evaluator(
        setup.task, strategy, setup.storage, setup.budget.batch, torch.device("cpu")
    )
    samplings, T = setup.job("validation", 1).samplings(), setup.task.recipe.T
    scores, costs, start = {}, {}, time.monotonic()
    keys = sorted(grid.keys())
    for number, key in enumerate(keys):
        point = grid.point(strategy, key, T)
        measurements = [evaluator.measure(point, sampling) for sampling in samplings]
        scores[key], costs[key] = per_image(measurements), measurements[0].cost["nfe"]
        if time.monotonic() - start > 30:
            print(
                f"  {strategy}, {setup.plan.corruption}: {number} of {len(keys)} points", flush=True
            )
            start = time.monotonic()
    (confirming,) = setup.job("test", 1, seeds=1).samplings()

    @cache
    def test_accuracy(key: Key) -> float:
        measurement = evaluator.measure(grid.point(strategy, key, T), confirming)
        return float(per_image([measurement]).mean())

    reference, batch = shared_reference(setup.facts.classes, T), setup.budget.batch
    return Table(grid, scores, costs, test_accuracy, len(samplings), batch, reference)


def train_missing(setup: Setup, strategy: str) -> None:
    """Train the parts that a strategy samples with, where they are missing."""
    parts, task = setup.storage.parts, setup.task
    for kind in in_order(strategies.load(strategy).PARTS):
        if not parts.has(kind, task):
            print(f"  training {kind} for {task.corruption}", flush=True)
            needed = {need: parts.load(need, task) for need in stages.parts_given(kind)}
            context = Context(task, setup.storage.dataset(task), needed)
            parts.save(kind, task, train_part(kind, context, Share(), lambda report: None), {})
