"""Searches played again from a table of measured points, to see which needs the fewest samples:
python tests/bench_search.py.

A grid of points is measured once for each strategy, every answer kept in the storage's records: by the
networks that sweeps of the same preset train, which are trained here where they are missing. From that table
searches are played, without sampling, over many seeds: how many samples each spends until its front has 95 %
of the hypervolume of the whole table, and how often a race stops a point of the table's front. A point that
is asked for again costs nothing, as in a sweep. A warm start begins with the front of another preset's table,
or of another corruption's. What a search has found after 8 and after 24 trials is confirmed: the hypervolume
of its front on test images, at one sampling seed, less that of TPE after 24 trials of the same search seed.

`--samples N` plays the same with a search set of N samples, whose answers are drawn, with replacement, from
those that were measured: what racing would save if there were more of them.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.pipeline.samplers import sampler_of
from platform.pipeline.warm_start import MOST_POINTS
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import numpy as np
import optuna
from optuna.trial import TrialState
from search_table import Key, Table, grids, measured

from dashboards.pareto import hypervolume
from trainables.evaluation.race import ERROR, block_ends
from trainables.scoring.racing import is_behind

SHARE = 0.95
CONFIRMED_AFTER = (8, 24)
"""Trials after which the front so far is confirmed; after the last of them that of `USUAL` is what others are
compared with.
"""
USUAL = "TPE"
MARGIN = 0.01
"""How much accuracy a bolder race gives away: it stops a point that is not so much ahead."""


@dataclass(frozen=True)
class Searcher:
    """How a search is played.

    Args:
        sampler: the sampler's name.
        margin: how much ahead of its rival a point is to be that is not stopped; None where none is.
        is_warm: whether it has a warm start.
    """

    sampler: str
    margin: float | None = None
    is_warm: bool = False


SEARCHERS = {
    "random": Searcher("random"),
    "TPE": Searcher("tpe"),
    "TPE, racing": Searcher("tpe", 0.0),
    "TPE, bolder racing": Searcher("tpe", MARGIN),
    "TPE, warm start": Searcher("tpe", is_warm=True),
    "TPE, racing, warm start": Searcher("tpe", 0.0, is_warm=True),
    "NSGA-II": Searcher("nsga2"),
    "GP": Searcher("gp"),
}


@dataclass
class Outcome:
    """A search that was played: the samples it spent until its front was as good as wanted, infinite where
    it never was; how many points a race stopped until then, and how many of the table's front; by numbers of
    trials the hypervolume of the front on test images.
    """

    spent: float
    stopped: int
    lost: int
    confirmed: dict[int, float]


def play(table: Table, searcher: Searcher, seed: int, trials: int, begin: Sequence[Key]) -> Outcome:
    """Play a search of at most so many trials; one with a warm start asks for the points of `begin` first."""
    study = optuna.create_study(
        directions=("maximize", "minimize"), sampler=sampler_of(searcher.sampler, seed)
    )
    for key in begin if searcher.is_warm else []:
        study.enqueue_trial(table.grid.parameters(key))
    wanted = SHARE * table.volume
    full: dict[Key, tuple[float, float]] = {}
    stopped: set[Key] = set()
    spent, on_front = 0, set(table.front)
    reached: Outcome | None = None
    confirmed: dict[int, float] = {}
    for number in range(1, max(trials, *CONFIRMED_AFTER) + 1):
        trial = study.ask()
        key = table.grid.suggest(trial)
        if key not in full and key not in stopped:
            seen = samples_seen(table, key, full, searcher.margin)
            spent += table.seeds * (seen or len(table.scores[key]))
            if seen:
                stopped.add(key)
            else:
                full[key] = table.value(key)
        if key in stopped:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, full[key])
        if number in CONFIRMED_AFTER:
            confirmed[number] = table.confirmed(full)
        lost = len(stopped & on_front)
        if reached is None and hypervolume(list(full.values()), table.reference) >= wanted:
            reached = Outcome(spent, len(stopped), lost, confirmed)
        if reached is not None and number >= max(CONFIRMED_AFTER):
            return reached
    return reached or Outcome(math.inf, len(stopped), lost, confirmed)


def samples_seen(
    table: Table, key: Key, full: Mapping[Key, tuple[float, float]], margin: float | None
) -> int | None:
    """The samples after which a point is stopped, as it is known not to be by a margin ahead of the most
    accurate of those that are no dearer; None where it sees them all.
    """
    rivals = [rival for rival, (_, price) in full.items() if price <= table.costs[key]]
    if margin is None or not rivals:
        return None
    rival = max(rivals, key=lambda rival: full[rival][0])
    leads = table.scores[rival] - table.scores[key]
    total = len(leads)
    step = max(1 / table.seeds, margin * total)
    for seen in block_ends(total, table.batch):
        if is_behind(leads[:seen], total, step, ERROR):
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
        f"  {name:<24} {middle:>9.0f} [{low:.0f}, {high:.0f}] samplings; reached by {reached:.0%}; stopped "
        f"{stopped:.1f} points, {lost} of {len(outcomes)} searches lost one of the front; {seconds:.0f} s"
    )


def report_confirmed(outcomes: Sequence[Outcome], usual: Sequence[Outcome]) -> str:
    """A line of what was confirmed, against the usual searches of the same seeds, the first ones where fewer
    were played: means with 95 % intervals.
    """
    texts = []
    for trials in CONFIRMED_AFTER:
        gains = [
            100 * (ours.confirmed[trials] - theirs.confirmed[CONFIRMED_AFTER[-1]])
            for ours, theirs in zip(outcomes, usual[: len(outcomes)], strict=True)
        ]
        half = 1.96 * statistics.stdev(gains) / math.sqrt(len(gains))
        mean = statistics.mean(gains)
        texts.append(f"{trials} trials {mean:+.2f} [{mean - half:+.2f}, {mean + half:+.2f}]")
    return f"  {'':<24} {'':>9} on test images after {'; '.join(texts)} % of the plane"


def table_of(arguments: argparse.Namespace, preset: str, corruption: str, strategy: str) -> Table:
    """The table of a strategy on digits."""
    storage = str(Path(arguments.storage).absolute())
    plan = Plan(strategy, "digits", corruption, preset, 1, 0, 1, 0.0, storage, "sqlite:///")
    setup = setup_of(plan)
    return measured(setup, strategy, grids(setup.task.recipe.T)[strategy])


def warm_points(table: Table, other: Table) -> list[Key]:
    """The points that a warm start of a table begins with, from the front of another one."""
    found = [table.grid.like(other.grid, key) for key in other.front]
    points = [key for key in found if key is not None]
    picks = np.linspace(0, len(points) - 1, min(MOST_POINTS, len(points))).round()
    return [points[int(i)] for i in dict.fromkeys(picks)]


def main() -> None:
    """Measure the tables, play the searches, print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--storage", default="runs")
    parser.add_argument("--searched", nargs=2, default=["quick", "gn30"], help="preset, corruption")
    parser.add_argument("--warm", nargs=2, default=["quick", "gn45"], help="preset, corruption")
    parser.add_argument("--strategies", nargs="+", default=list(grids(10)))
    parser.add_argument("--searchers", nargs="+", default=list(SEARCHERS), choices=list(SEARCHERS))
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--gp-seeds", type=int, default=10, help="of GP, which takes long")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--samples", type=int, default=0)
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", FutureWarning)  # of an option of TPE that is about to go
    for strategy in arguments.strategies:
        table, begin = table_of(arguments, *arguments.searched, strategy), []
        if any(SEARCHERS[name].is_warm for name in arguments.searchers):
            begin = warm_points(table, table_of(arguments, *arguments.warm, strategy))
        table = table.drawn(arguments.samples) if arguments.samples else table
        print(
            f"{strategy}: {len(table.scores)} points, {len(table.front)} on the front, hypervolume "
            f"{table.volume:.4f}; {SHARE:.0%} of it within {arguments.trials} trials; "
            f"{len(begin)} points for a warm start",
            flush=True,
        )
        usual: list[Outcome] = []
        for name in sorted(arguments.searchers, key=lambda name: name != USUAL):
            start, searcher = time.monotonic(), SEARCHERS[name]
            seeds = arguments.gp_seeds if searcher.sampler == "gp" else arguments.seeds
            outcomes = [
                play(table, searcher, seed, arguments.trials, begin) for seed in range(seeds)
            ]
            print(report(name, outcomes, time.monotonic() - start), flush=True)
            usual = outcomes if name == USUAL else usual
            if usual:
                print(report_confirmed(outcomes, usual), flush=True)


if __name__ == "__main__":
    main()
