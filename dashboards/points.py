"""The points that tables and figures show, and the CSV that keeps them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainables.scoring.metric_names import METRICS, NFE, SIGNAL_METRICS, Metric, utterances_of

_SMALLEST_P = 0.001
"""p-values below it are not told apart."""


@dataclass(frozen=True)
class ReportedPoint:
    """A point with what it measured.

    `role` says why it is shown: "front", "paper", "baseline". `validation` and `test` hold metrics
    by their names in `trainables.scoring.metric_names`, empty where not measured. `tests` holds a paired
    test a baseline point: difference, low, high, p_value, and p_holm, corrected for all tests made
    together.
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


def percent(values: Mapping[str, float], metric: Metric) -> str:
    """The metric in percent, with its interval where there is one."""
    if not values:
        return "–"
    said = f"{100 * values[metric.name]:.1f}"
    if metric.low not in values:
        return said
    return f"{said} [{100 * values[metric.low]:.1f}, {100 * values[metric.high]:.1f}]"


def difference(test: Mapping[str, float], metric: Metric) -> str:
    """A paired test in few words: the metric's difference in percent, and the p-value, corrected for
    the number of tests where it has been.
    """
    gain = 100 * metric.gain(test["difference"]) + 0.0  # no -0.0
    p_value = test["p_holm"] if "p_holm" in test else test["p_value"]
    said = f"p={p_value:.2g}" if p_value >= _SMALLEST_P else f"p<{_SMALLEST_P:g}"
    return f"{gain:+.1f} ({said})"


def result(shown: ReportedPoint, metric: Metric) -> str:
    """A point and what it did on the test split, in few words."""
    said = f"{metric.title} {100 * shown.test[metric.name]:.1f} %"
    return f"{shown.label}, {said} at {shown.test[NFE]:.0f} calls"


def to_csv(points: Sequence[ReportedPoint]) -> str:
    """The points as CSV: a row each, metrics of both splits, tests and parameters as JSON.

    Metrics that no point has are left out.
    """
    pairs = [(split, name) for split in ("validation", "test") for name in METRICS]
    pairs = [
        (split, name) for split, name in pairs if any(name in getattr(p, split) for p in points)
    ]
    columns = [f"{split}_{name}" for split, name in pairs]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["label", "strategy", "role", "point", *columns, "tests"])
    for shown in points:
        metrics = [getattr(shown, split).get(name, "") for split, name in pairs]
        point = json.dumps(dict(shown.point))
        tests = json.dumps({name: dict(test) for name, test in shown.tests.items()})
        writer.writerow([shown.label, shown.strategy, shown.role, point, *metrics, tests])
    return buffer.getvalue()


def as_json(shown: ReportedPoint) -> dict[str, Any]:
    """A point in JSON types."""
    return {
        "label": shown.label,
        "strategy": shown.strategy,
        "role": shown.role,
        "point": dict(shown.point),
        "validation": dict(shown.validation),
        "test": dict(shown.test),
        "tests": {name: dict(test) for name, test in shown.tests.items()},
    }


def rows(points: Sequence[ReportedPoint], metric: Metric) -> list[list[str]]:
    """Rows of the terminal's table: point, NFE, the metric on both splits, tests."""
    table = []
    for shown in points:
        measured = shown.test or shown.validation
        tests = [difference(test, metric) for test in shown.tests.values()]
        table.append(
            [
                shown.label,
                describe(shown.point) or "–",
                f"{measured[NFE]:.0f}",
                percent(shown.validation, metric),
                percent(shown.test, metric),
                *tests,
            ]
        )
    return table


def signal_rows(points: Sequence[ReportedPoint]) -> list[list[str]]:
    """Rows of the terminal's table of signal measures on test utterances, none for images: each
    mean with the number of utterances that have a value.
    """
    heard = [p for p in points if any(name in p.test for name in SIGNAL_METRICS)]
    return [[p.label, *(_mean_of(p.test, name) for name in SIGNAL_METRICS)] for p in heard]


def _mean_of(values: Mapping[str, float], name: str) -> str:
    if name not in values:
        return "–"
    return f"{values[name]:.2f} ({values[utterances_of(name)]:.0f})"
