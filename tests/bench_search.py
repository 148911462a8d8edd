"""Searches played again from a table of measured points, to see which needs the fewest samples:
python tests/bench_search.py.

A grid of points is measured once for each strategy, every answer kept in the storage's records: by the
networks that sweeps of the same preset train, which are trained here where they are missing. From that table
searches are played, without sampling, over many seeds: how many samples each spends until its front has 95 %
of the hypervolume of the whole table, and how often a race stops a point of the table's front. A point that
is asked for again costs nothing, as in a sweep. The first corruption is searched; the front of the second is
what a warm start begins with.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.pipeline.samplers import sampler_of
from platform.pipeline.warm_start import MOST_POINTS
from platform.planning.plan import Plan
from platform.planning.setup import Setup, setup_of

import numpy as np
import optuna
import torch
from optuna.trial import TrialState

from dashboards.pareto import Reference, front, hypervolume, shared_reference
from trainables import strategies
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.summary import per_image
from trainables.sampling.cost import cost
from trainables.scoring.racing import is_behind
from trainables.strategies import schedule_of
from trainables.training import stages
from trainables.training.batches import Share
from trainables.training.loop import train_part
from trainables.training.objective import Context
from trainables.training.part_store import in_order

SHARE, ERROR, BLOCK = 0.95, 0.05, 25
SEARCHERS = {
    "random": ("random", False, False),
    "TPE, as today": ("tpe", False, False),
    "TPE, racing": ("tpe", True, False),
    "TPE, warm start": ("tpe", False, True),
    "TPE, racing, warm start": ("tpe", True, True),
    "NSGA-II": ("nsga2", False, False),
    "GP": ("gp", False, False),
}
"""For each searcher its sampler, whether it races, and whether it has a warm start."""
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
        seeds: answers of each sample.
        reference: the point that hypervolumes are measured from.
    """

    grid: Grid
    scores: Mapping[Key, np.ndarray]
    costs: Mapping[Key, float]
    seeds: int
    reference: Reference

    def value(self, key: Key) -> tuple[float, float]:
        """A point's accuracy and cost."""
        return float(self.scores[key].mean()), self.costs[key]

    @property
    def front(self) -> list[Key]:
        """The points that no other beats, by rising cost."""
        keys = list(self.scores)
        return [keys[i] for i in front([self.value(key) for key in keys])]


def measured(setup: Setup, strategy: str, grid: Grid) -> Table:
    """The table of a strategy's grid; what is not in the records is measured."""
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
    return Table(grid, scores, costs, len(samplings), shared_reference(setup.facts.classes, T))


def train_missing(setup: Setup, strategy: str) -> None:
    """Train the parts that a strategy samples with, where they are missing."""
    parts, task = setup.storage.parts, setup.task
    for kind in in_order(strategies.load(strategy).PARTS):
        if not parts.has(kind, task):
            print(f"  training {kind} for {task.corruption}", flush=True)
            needed = {need: parts.load(need, task) for need in stages.parts_given(kind)}
            context = Context(task, setup.storage.dataset(task), needed)
            parts.save(kind, task, train_part(kind, context, Share(), lambda report: None), {})


@dataclass
class Outcome:
    """A search that was played: the samples it spent until its front was as good as wanted, infinite where
    it never was; its trials until then; how many points a race stopped, and how many of the table's front.
    """

    spent: float
    trials: int
    stopped: int
    lost: int


def play(
    table: Table, sampler: str, seed: int, trials: int, racing: bool, begin: Sequence[Key]
) -> Outcome:
    """Play a search of at most so many trials, which asks for the points of `begin` first."""
    study = optuna.create_study(
        directions=("maximize", "minimize"), sampler=sampler_of(sampler, seed)
    )
    for key in begin:
        study.enqueue_trial(table.grid.parameters(key))
    wanted = SHARE * hypervolume([table.value(key) for key in table.scores], table.reference)
    full: dict[Key, tuple[float, float]] = {}
    stopped: set[Key] = set()
    spent, on_front = 0, set(table.front)
    for number in range(1, trials + 1):
        trial = study.ask()
        key = table.grid.suggest(trial)
        if key not in full and key not in stopped:
            seen = samples_seen(table, key, full, ERROR / trials) if racing else None
            spent += table.seeds * (seen or len(table.scores[key]))
            if seen:
                stopped.add(key)
            else:
                full[key] = table.value(key)
        if key in stopped:
            study.tell(trial, state=TrialState.PRUNED)
            continue
        study.tell(trial, full[key])
        if hypervolume(list(full.values()), table.reference) >= wanted:
            return Outcome(spent, number, len(stopped), len(stopped & on_front))
    return Outcome(math.inf, trials, len(stopped), len(stopped & on_front))


def samples_seen(
    table: Table, key: Key, full: Mapping[Key, tuple[float, float]], error: float
) -> int | None:
    """The samples after which a point is known to be beaten by the most accurate of those that are no dearer;
    None where it sees them all.
    """
    rivals = [rival for rival, (_, price) in full.items() if price <= table.costs[key]]
    if not rivals:
        return None
    rival = max(rivals, key=lambda rival: full[rival][0])
    leads = table.scores[rival] - table.scores[key]
    total = len(leads)
    for seen in range(BLOCK, total, BLOCK):
        if is_behind(leads[:seen], total, 1 / table.seeds, error):
            return seen
    return None


def report(name: str, outcomes: Sequence[Outcome], seconds: float) -> str:
    """A line of how a searcher did."""
    spent = sorted(outcome.spent for outcome in outcomes)
    low, middle, high = (spent[round(q * (len(spent) - 1))] for q in (0.25, 0.5, 0.75))
    reached = sum(math.isfinite(value) for value in spent) / len(spent)
    stopped = statistics.mean(outcome.stopped for outcome in outcomes)
    lost = sum(outcome.lost > 0 for outcome in outcomes)
    return (
        f"  {name:<24} {middle:>9.0f} [{low:.0f}, {high:.0f}] samples; reached by {reached:.0%}; stopped "
        f"{stopped:.1f} points, {lost} of {len(outcomes)} searches lost one of the front; {seconds:.0f} s"
    )


def main() -> None:
    """Measure the tables, play the searches, print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--storage", default="runs")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--corruptions", nargs=2, default=["gn30", "gn45"])
    parser.add_argument("--strategies", nargs="+", default=list(grids(10)))
    parser.add_argument("--searchers", nargs="+", default=list(SEARCHERS), choices=list(SEARCHERS))
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--trials", type=int, default=100)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", FutureWarning)  # of an option of TPE that is about to go
    storage = str(Path(arguments.storage).absolute())
    for strategy in arguments.strategies:
        tables = []
        for corruption in arguments.corruptions:
            plan = Plan(
                strategy,
                "digits",
                corruption,
                arguments.preset,
                1,
                0,
                1,
                0.0,
                storage,
                "sqlite:///",
            )
            setup = setup_of(plan)
            tables.append(measured(setup, strategy, grids(setup.task.recipe.T)[strategy]))
        table, other = tables
        volume = hypervolume([table.value(key) for key in table.scores], table.reference)
        print(
            f"{strategy}: {len(table.scores)} points, {len(table.front)} on the front, hypervolume "
            f"{volume:.4f}; {SHARE:.0%} of it within {arguments.trials} trials, {arguments.seeds} seeds"
        )
        picks = np.linspace(0, len(other.front) - 1, min(MOST_POINTS, len(other.front))).round()
        warm = [other.front[int(i)] for i in dict.fromkeys(picks)]
        for name in arguments.searchers:
            sampler, racing, warm_start = SEARCHERS[name]
            start, begin = time.monotonic(), warm if warm_start else []
            outcomes = [
                play(table, sampler, seed, arguments.trials, racing, begin)
                for seed in range(arguments.seeds)
            ]
            print(report(name, outcomes, time.monotonic() - start), flush=True)


if __name__ == "__main__":
    main()
