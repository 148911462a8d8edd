"""The points that tables and figures show, and the CSV that keeps them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainables.records import ACCURACY, ACCURACY_HIGH, ACCURACY_LOW, METRICS, NFE


@dataclass(frozen=True)
class Shown:
    """A point with what it measured.

    `role` says why it is shown: "front", "paper", "baseline". `validation` and `test` hold metrics
    by their names in `trainables.records`, empty where not measured. `tests` holds a paired test a
    baseline point: difference, low, high, p_value, p_holm.
    """

    label: str
    strategy: str
    role: str
    point: Mapping[str, Any]
    validation: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    tests: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def describe(point: Mapping[str, Any]) -> str:
    """A point in few words."""
    return " ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in point.items()
    )


def percent(values: Mapping[str, float]) -> str:
    """Accuracy with its interval, in percent."""
    if not values:
        return "–"
    low, high = values[ACCURACY_LOW], values[ACCURACY_HIGH]
    return f"{100 * values[ACCURACY]:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def difference(test: Mapping[str, float]) -> str:
    """A paired test in few words: the difference in percent, and its p-value."""
    return f"{100 * test['difference']:+.1f} (p={test['p_value']:.2g})"


def to_csv(points: Sequence[Shown]) -> str:
    """The points as CSV: a row each, metrics of both splits, tests and parameters as JSON."""
    splits = ("validation", "test")
    columns = [f"{split}_{name}" for split in splits for name in METRICS]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["label", "strategy", "role", "point", *columns, "tests"])
    for shown in points:
        metrics = [getattr(shown, split).get(name, "") for split in splits for name in METRICS]
        point = json.dumps(dict(shown.point))
        tests = json.dumps({name: dict(test) for name, test in shown.tests.items()})
        writer.writerow([shown.label, shown.strategy, shown.role, point, *metrics, tests])
    return buffer.getvalue()


def rows(points: Sequence[Shown]) -> list[list[str]]:
    """Rows of the terminal's table: point, NFE, accuracy on both splits, tests."""
    table = []
    for shown in points:
        measured = shown.test or shown.validation
        tests = [difference(test) for test in shown.tests.values()]
        table.append(
            [
                shown.label,
                describe(shown.point) or "–",
                f"{measured[NFE]:.0f}",
                percent(shown.validation),
                percent(shown.test),
                *tests,
            ]
        )
    return table
