"""What the paper reports: its tables and figures, and the strategy and point that each method is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import search_spaces
from trainables.scoring.metric_names import METRIC_OF_KIND, Metric

CORRUPTIONS = ("gn15", "gn30", "blur")
_MOST_CLASSIFIED = 10_000  # images, where nothing else is done to them: the paper's number
TEST_IMAGES = {"mnist": 10_000, "cifar10": 10_000, "cifar100": 10_000, "in32-100": 5_000}
"""Images in each published test set: the paper gives no intervals, these tell how wide they are."""


@dataclass(frozen=True)
class Method:
    """A column of a table: a strategy, at the point that `point(steps)` says.

    `place` is where it is drawn in a figure over the number of steps. `is_reported` says whether the
    paper's number of the strategy, if it has one, is of this point. `most` is how many test samples it is
    measured on at most, where it takes next to no time; 0: as many as the preset has.
    """

    label: str
    strategy: str
    point: Callable[[int], dict[str, Any]]
    place: int = 0
    is_reported: bool = True
    most: int = 0


@dataclass(frozen=True)
class Table:
    """A table or figure of the paper: methods, and what it reports of them.

    Args:
        title: the paper's name for it.
        methods: its columns.
        datasets: what is measured unless the command line names others.
        corruptions: of these datasets; each dataset's usual one if empty.
        reported: the metric in percent by dataset and corruption, of each column that is reported.
        reference: the column that the measured ones are tested against; none if None.
        kind: what the signals are, "image" or "speech"; it decides the metric.
        beside: for datasets that the paper has not got, the one whose numbers stand beside ours.
        conditions: resolution and training share of each setting; those of the command line if empty.
    """

    title: str
    methods: tuple[Method, ...]
    datasets: tuple[str, ...]
    corruptions: tuple[str, ...]
    reported: Mapping[str, Mapping[str, tuple[float, ...]]]
    reference: int | None = None
    kind: str = "image"
    beside: Mapping[str, str] = field(default_factory=dict)
    conditions: tuple[tuple[float, float], ...] = ()

    @property
    def metric(self) -> Metric:
        """What the table reports."""
        return METRIC_OF_KIND[self.kind]

    def source(self, dataset: str, corruption: str) -> str:
        """The dataset whose numbers stand beside ours; empty where there are none."""
        source = self.beside.get(dataset, dataset)
        return source if corruption in self.reported.get(source, {}) else ""

    def percentage(self, dataset: str, corruption: str, column: int) -> float | None:
        """The number that the paper reports in a column, in percent; None where it reports none."""
        source = self.source(dataset, corruption)
        if not source or not self.methods[column].is_reported:
            return None
        place = sum(method.is_reported for method in self.methods[:column])
        return self.reported[source][corruption][place]


STRATEGIES = ("parallel", "nested", "alternating")
BASELINES = ("noisy", "enhanced", "card")
_NOISY, _ENHANCED = BASELINES.index("noisy"), BASELINES.index("enhanced")

_ANSWER_LABELS = {"y": "y", "x": "f(x_hat)"}
"""What answers, the sampled logits or the classifier on the sampled signal, in a method's label."""


def _paper(label: str, strategy: str, kind: str = "image", **changes: Any) -> Method:
    """A method at the paper's point of a strategy, with `changes` to its parameters."""
    space = search_spaces.load(strategy)
    return Method(label, strategy, lambda steps: space.paper_point(steps, kind) | changes)


def _every_method(kind: str) -> tuple[Method, ...]:
    """The methods of Tables 1 and 2: every strategy at the paper's point, the coupled ones by both of
    their answers. The paper's numbers are of the one that its point has: of images the logits answer, of
    speech the enhanced recording is transcribed (E.3).
    """
    baselines = [_paper(name, name, kind) for name in BASELINES]
    if kind == "image":
        baselines[_NOISY] = replace(baselines[_NOISY], most=_MOST_CLASSIFIED)
    coupled = [
        replace(
            _paper(f"{name}, {label}", name, kind, answer=answer),
            is_reported=search_spaces.load(name).paper_point(1, kind)["answer"] == answer,
        )
        for name in STRATEGIES
        for answer, label in _ANSWER_LABELS.items()
    ]
    return (*baselines, *coupled)


def _by_corruption(*rows: tuple[float, ...]) -> dict[str, tuple[float, ...]]:
    return dict(zip(CORRUPTIONS, rows, strict=True))


def table1(T: int) -> Table:
    """Table 1: every method at D.4's setting, the coupled ones by both answers."""
    reported = {
        "mnist": _by_corruption(
            (89.7, 98.4, 86.34, 99.2, 99.3, 98.9),
            (66.7, 98.3, 66.2, 99.2, 99.1, 98.7),
            (89.6, 98.3, 87.0, 99.2, 99.3, 98.6),
        ),
        "cifar10": _by_corruption(
            (16.6, 60.9, 11.3, 74.3, 81.3, 83.0),
            (10.9, 60.4, 10.4, 71.6, 81.2, 82.8),
            (34.8, 60.1, 14.5, 80.9, 80.8, 83.3),
        ),
        "cifar100": _by_corruption(
            (6.7, 61.2, 8.5, 70.7, 74.1, 70.5),
            (2.0, 60.4, 6.1, 68.5, 71.9, 68.6),
            (10.4, 60.4, 10.2, 64.8, 73.8, 69.7),
        ),
        "in32-100": _by_corruption(
            (1.8, 52.9, 3.0, 69.8, 67.5, 64.8),
            (1.0, 50.6, 1.2, 65.5, 62.0, 58.1),
            (2.5, 51.3, 5.9, 63.3, 65.8, 62.5),
        ),
    }
    methods = _every_method("image")
    return Table("Table 1", methods, tuple(reported), CORRUPTIONS, reported, _ENHANCED)


def table2(T: int) -> Table:
    """Table 2: word error rates of speech at E.5's setting, of the coupled ones by both answers.

    Spoken digits are not in the paper: its words, Google's commands, stand beside ours. It does not
    say how many words it tested, so its numbers have no intervals.
    """
    reported = {
        "gsc-reverb": {"reverb": (5.58, 5.11, 11.08, 4.98, 4.85, 5.03)},
        "ears-reverb": {"reverb": (5.79, 4.48, 16.79, 3.95, 3.83, 4.25)},
        "ears-wham": {"wham": (14.02, 10.04, 36.58, 9.90, 9.75, 10.16)},
    }
    return Table(
        "Table 2",
        _every_method("speech"),
        ("fsdd-reverb",),
        (),
        reported,
        _ENHANCED,
        "speech",
        {"fsdd-reverb": "gsc-reverb"},
    )


def table3(T: int) -> Table:
    """Table 3: guidance source in `parallel`, each with denoisers that were trained on it."""
    methods = (
        _paper("clean estimate", "parallel"),
        _paper("noisy sample", "parallel-noisy"),
    )
    reported = {
        "cifar100": _by_corruption((70.7, 70.0), (68.5, 67.0), (64.8, 64.0)),
        "in32-100": _by_corruption((69.8, 69.6), (65.5, 64.6), (63.3, 61.8)),
    }
    title = "Table 3, guidance source in parallel"
    return Table(title, methods, tuple(reported), CORRUPTIONS, reported, 1)


def table4(T: int) -> Table:
    """Table 4: DDPM against DDIM in `parallel`."""
    methods = (_paper("DDPM", "parallel", eta=1.0), _paper("DDIM", "parallel", eta=0.0))
    reported = {"cifar100": _by_corruption((73.5, 70.7), (71.2, 68.5), (69.7, 64.8))}
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
    """A strategy's point at a fixed number of steps."""
    return lambda steps: search_spaces.load(strategy).paper_point(count)


TABLES = {
    "table1": table1,
    "table2": table2,
    "table3": table3,
    "table4": table4,
    "figure4": figure4,
}
"""The coupled paper's tables by their names on the command line, each made for T noise levels."""


@dataclass(frozen=True)
class SampleFigure:
    """A figure of the paper that shows samples, restored by the enhanced baseline and by the strategies.

    Args:
        title: the paper's name for it.
        datasets, corruptions: what is shown unless the command line names others.
        differing: whether only samples are shown that these methods do not all answer the same, as the
            paper's example is one; else the first of the test split, as they come.
    """

    title: str
    datasets: tuple[str, ...]
    corruptions: tuple[str, ...]
    differing: bool

    def methods(self) -> tuple[Method, ...]:
        """The methods, in the order of the paper's columns."""
        return tuple(
            _paper(name, name) for name in ("enhanced", "alternating", "parallel", "nested")
        )


SAMPLE_FIGURES = {
    "figure3": SampleFigure(
        "Figure 3, samples that are answered differently", ("mnist",), ("gn30",), True
    ),
    "figure5": SampleFigure("Figure 5, the first test samples", ("mnist",), ("gn30",), False),
}
"""Figures of samples by their names on the command line."""
