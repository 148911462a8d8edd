"""What the paper reports for images: its tables, and what each of their methods is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import search_spaces

CORRUPTIONS = ("gn15", "gn30", "blur")
TEST_IMAGES = {"mnist": 10_000, "cifar10": 10_000, "cifar100": 10_000, "in32-100": 5_000}
"""Images in each published test set: the paper gives no intervals, these tell how wide they are."""


@dataclass(frozen=True)
class Method:
    """A column of a table: a strategy, at the point that `point(steps)` says.

    `place` is where it is drawn in a figure over the number of steps.
    """

    label: str
    strategy: str
    point: Callable[[int], dict[str, Any]]
    place: int = 0


@dataclass(frozen=True)
class Table:
    """A table or figure of the paper: methods, the data it is of, and the accuracies it reports, in
    percent, by dataset, corruption and column. `reference` is the column that ours are tested against.
    """

    title: str
    methods: tuple[Method, ...]
    datasets: tuple[str, ...]
    corruptions: tuple[str, ...]
    reported: Mapping[str, Mapping[str, tuple[float, ...]]]
    reference: int | None = None

    def accuracy(self, dataset: str, corruption: str, column: int) -> float | None:
        """What the paper reports there, in percent; None where it does not."""
        row = self.reported.get(dataset, {}).get(corruption)
        return None if row is None else row[column]


STRATEGIES = ("parallel", "nested", "alternating")


def _paper(label: str, strategy: str, **changes: Any) -> Method:
    space = search_spaces.load(strategy)
    return Method(label, strategy, lambda steps: space.paper_point(steps) | changes)


def _rows(*rows: tuple[float, ...]) -> dict[str, tuple[float, ...]]:
    return dict(zip(CORRUPTIONS, rows, strict=True))


def table1(T: int) -> Table:
    """Table 1: every method at D.4's setting."""
    names = ("noisy", "enhanced", "card", "parallel", "nested", "alternating")
    reported = {
        "mnist": _rows(
            (89.7, 98.4, 86.34, 99.2, 99.3, 98.9),
            (66.7, 98.3, 66.2, 99.2, 99.1, 98.7),
            (89.6, 98.3, 87.0, 99.2, 99.3, 98.6),
        ),
        "cifar10": _rows(
            (16.6, 60.9, 11.3, 74.3, 81.3, 83.0),
            (10.9, 60.4, 10.4, 71.6, 81.2, 82.8),
            (34.8, 60.1, 14.5, 80.9, 80.8, 83.3),
        ),
        "cifar100": _rows(
            (6.7, 61.2, 8.5, 70.7, 74.1, 70.5),
            (2.0, 60.4, 6.1, 68.5, 71.9, 68.6),
            (10.4, 60.4, 10.2, 64.8, 73.8, 69.7),
        ),
        "in32-100": _rows(
            (1.8, 52.9, 3.0, 69.8, 67.5, 64.8),
            (1.0, 50.6, 1.2, 65.5, 62.0, 58.1),
            (2.5, 51.3, 5.9, 63.3, 65.8, 62.5),
        ),
    }
    methods = tuple(_paper(n, n) for n in names)
    reference = names.index("enhanced")
    return Table("Table 1", methods, tuple(reported), CORRUPTIONS, reported, reference)


def table3(T: int) -> Table:
    """Table 3: guidance source in `parallel`."""
    methods = (
        _paper("clean estimate", "parallel", guidance="clean"),
        _paper("noisy sample", "parallel", guidance="noisy"),
    )
    reported = {
        "cifar100": _rows((70.7, 70.0), (68.5, 67.0), (64.8, 64.0)),
        "in32-100": _rows((69.8, 69.6), (65.5, 64.6), (63.3, 61.8)),
    }
    title = "Table 3, guidance source in parallel"
    return Table(title, methods, tuple(reported), CORRUPTIONS, reported, 1)


def table4(T: int) -> Table:
    """Table 4: DDPM against DDIM in `parallel`."""
    methods = (_paper("DDPM", "parallel", eta=1.0), _paper("DDIM", "parallel", eta=0.0))
    reported = {"cifar100": _rows((73.5, 70.7), (71.2, 68.5), (69.7, 64.8))}
    title = "Table 4, sampler in parallel"
    return Table(title, methods, tuple(reported), CORRUPTIONS, reported, 1)


def figure4(T: int) -> Table:
    """Figure 4: accuracy of the three strategies at 1 to T steps; the paper prints no numbers."""
    counts = sorted({min(T, round(T ** (i / 7))) for i in range(8)})
    methods = tuple(
        Method(f"{name}, {count} steps", name, _at(name, count), count)
        for name in STRATEGIES
        for count in counts
    )
    return Table("Figure 4, steps", methods, ("cifar100", "in32-100"), ("gn30",), {})


def _at(strategy: str, count: int) -> Callable[[int], dict[str, Any]]:
    return lambda steps: search_spaces.load(strategy).paper_point(count)


TABLES = {"table1": table1, "table3": table3, "table4": table4, "figure4": figure4}
"""Tables by the name they are asked for, each made for T noise levels."""
