"""The report of DiDiCM's grid: what it gains on a retrained classifier, the more uncertain the data are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from platform.cli.console import Console
from platform.cli.tables import paragraphs, say_if_smoke
from platform.reproduction.didicm_tables import PAPER_GAINS, SHARES
from platform.reproduction.results import Result
from platform.reproduction.work import Work

from dashboards.points import difference, percent
from trainables.scoring.metric_names import ACCURACY, BY_TOP5, TOP5, Metric


@dataclass(frozen=True)
class Cell:
    """What both methods have at a level of uncertainty.

    Args:
        resolution, train_fraction: the level.
        retrained, didicm: what was measured.
    """

    resolution: float
    train_fraction: float
    retrained: Result
    didicm: Result

    def gain(self, metric_name: str) -> float:
        """How much more of a metric DiDiCM has, a fraction; NaN where it is not recorded."""
        ours, theirs = self.didicm.ours, self.retrained.ours
        return ours.get(metric_name, float("nan")) - theirs.get(metric_name, float("nan"))


def cells_of(work: Work, results: Sequence[Result]) -> dict[tuple[str, str], list[Cell]]:
    """The cells in which both methods were measured, by dataset and corruption."""
    cells: dict[tuple[str, str], list[Cell]] = {}
    by_place = {(r.dataset, r.corruption, r.strategy): r for r in results}
    baseline, other = (method.strategy for method in work.table(work.setups[0]).methods)
    for setup in work.setups:
        plan = setup.plan
        if plan.seed != work.seeds[0]:
            continue
        place = setup.facts.title, plan.condition
        pair = by_place.get((*place, baseline)), by_place.get((*place, other))
        if pair[0] is not None and pair[1] is not None:
            cell = Cell(plan.resolution, plan.train_fraction, pair[0], pair[1])
            cells.setdefault((setup.facts.title, plan.corruption), []).append(cell)
    return cells


def steps_of_growth(cells: Sequence[Cell], metric_name: str) -> tuple[int, int]:
    """Between how many neighbours of the grid the gain grows with uncertainty, and between how many there is
    a comparison. Neighbours differ in one share, by one step.
    """
    gains = {(c.resolution, c.train_fraction): c.gain(metric_name) for c in cells}
    smaller = dict(pairwise(SHARES))
    pairs = [
        (gains[place], gains[other])
        for place in gains
        for other in _neighbours(place, smaller)
        if other in gains
    ]
    return sum(after > before for before, after in pairs), len(pairs)


def _neighbours(
    place: tuple[float, float], smaller: dict[float, float]
) -> list[tuple[float, float]]:
    """The levels that are one step more uncertain."""
    resolution, fraction = place
    reduced = [(smaller[resolution], fraction)] if resolution in smaller else []
    return reduced + ([(resolution, smaller[fraction])] if fraction in smaller else [])


def report(results: Sequence[Result], files: dict[str, Path], work: Work, console: Console) -> None:
    """Show the grid beside the paper's direction, name the files."""
    for (dataset, corruption), cells in cells_of(work, results).items():
        console.line()
        heading = f"{dataset} {corruption}, % [95 % interval] on test {work.metric.samples}"
        columns = ["resolution, training share", "retrained", "didicm-cp", "gain", "paper's gain",
                   "top-5, retrained", "top-5, didicm-cp", "gain, top-5", "paper's gain, top-5"]  # fmt: skip
        rows = [_row(cell, work.metric) for cell in cells]
        console.table(f"{work.table(work.setups[0]).title}: {heading}", columns, rows)
        _say_direction(console, cells)
    say_if_smoke(console, work.setups[0].plan.preset)
    console.line()
    for name, path in files.items():
        if not name.startswith("figure of"):
            console.line(f"{name + ':':9} {path}")


def _row(cell: Cell, metric: Metric) -> list[str]:
    """A level of uncertainty as a row of the terminal's table."""
    paper = PAPER_GAINS.get((cell.resolution, cell.train_fraction))
    shown = [f"{gain:+.1f}" for gain in paper] if paper else ["–", "–"]
    test = cell.didicm.test
    return [
        f"{cell.resolution:g}, {cell.train_fraction:g}",
        percent(cell.retrained.ours, metric),
        percent(cell.didicm.ours, metric),
        difference(test, metric) if test else "",
        shown[0],
        percent(cell.retrained.ours, BY_TOP5),
        percent(cell.didicm.ours, BY_TOP5),
        f"{100 * cell.gain(TOP5):+.1f}",
        shown[1],
    ]


def _say_direction(console: Console, cells: Sequence[Cell]) -> None:
    """Say whether the gain grows with uncertainty, as the paper's does."""
    least = max(cells, key=lambda c: (c.resolution * c.train_fraction, c.resolution))
    most = min(cells, key=lambda c: (c.resolution * c.train_fraction, c.resolution))
    grows, compared = steps_of_growth(cells, ACCURACY)
    first, last = 100 * least.gain(ACCURACY), 100 * most.gain(ACCURACY)
    words = [
        f"the gain goes from {first:+.1f} where data are least uncertain to {last:+.1f} where they are most",
        f"it grows between {grows} of {compared} neighbours",
        "the paper's goes from -0.0 to +5.3 (ImageNet, DiDiRN-50), and grows everywhere",
    ]
    paragraphs(console, "found:", ["; ".join(words)])
