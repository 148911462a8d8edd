"""The points that tables and figures show, and the CSV that keeps them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trainables.scoring.cost_metrics import BY_NFE, CostMetric
from trainables.scoring.metric_names import METRICS, NFE, SIGNAL_METRICS, Metric, utterances_of

_SMALLEST_P = 0.001
"""The smallest p-value that is printed as it is; smaller ones are `p<0.001`."""


@dataclass(frozen=True)
class ReportedPoint:
    """A point with its metrics.

    Args:
        label: its name in tables, figures and MLflow.
        strategy: the strategy that it is a point of.
        role: why it is reported: "front", "paper", "baseline".
        point: its sampling parameters.
        validation, test: metrics on that split by their names in `trainables.scoring.metric_names`, empty
            where nothing was measured.
        tests: a paired test for each baseline point, by its label: difference, low, high, p_value, and
            p_holm, corrected for all tests made together.
    """

    label: str
    strategy: str
    role: str
    point: Mapping[str, object]
    validation: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    tests: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def describe(point: Mapping[str, object]) -> str:
    """Sampling parameters in few words."""
    return " ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in point.items()
    )


def percent(values: Mapping[str, float], metric: Metric) -> str:
    """The metric in percent, with its interval where there is one; a dash where it was not measured."""
    if metric.name not in values:
        return "–"
    text = f"{100 * values[metric.name]:.1f}"
    if metric.low not in values:
        return text
    return f"{text} [{100 * values[metric.low]:.1f}, {100 * values[metric.high]:.1f}]"


def difference(test: Mapping[str, float], metric: Metric) -> str:
    """A paired test in few words: the metric's difference in percent, and the p-value, corrected for
    the number of tests where it has been.
    """
    gain = 100 * metric.gain(test["difference"]) + 0.0  # no -0.0
    return f"{gain:+.1f} ({p_text(test)})"


def p_text(test: Mapping[str, float]) -> str:
    """The p-value of a paired test, corrected for the number of tests where it has been."""
    p_value = test.get("p_holm", test["p_value"])
    return f"p={p_value:.2g}" if p_value >= _SMALLEST_P else f"p<{_SMALLEST_P:g}"


def result(reported: ReportedPoint, metric: Metric, cost: CostMetric = BY_NFE) -> str:
    """A point with its metric, the interval and its cost on the test split, in few words."""
    value, *interval = percent(reported.test, metric).split(" ", 1)
    text = " ".join([f"{metric.title} {value} %", *interval])
    return f"{reported.label}, {text} at {cost.number(reported.test[cost.name])} {cost.unit}"


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
    for reported in points:
        metrics = [getattr(reported, split).get(name, "") for split, name in pairs]
        point = json.dumps(dict(reported.point))
        tests = json.dumps({name: dict(test) for name, test in reported.tests.items()})
        writer.writerow([reported.label, reported.strategy, reported.role, point, *metrics, tests])
    return buffer.getvalue()


def as_json(reported: ReportedPoint) -> dict[str, object]:
    """The point as JSON types."""
    return {
        "label": reported.label,
        "strategy": reported.strategy,
        "role": reported.role,
        "point": dict(reported.point),
        "validation": dict(reported.validation),
        "test": dict(reported.test),
        "tests": {name: dict(test) for name, test in reported.tests.items()},
    }


def rows(points: Sequence[ReportedPoint], metric: Metric) -> list[list[str]]:
    """Rows of the terminal's table: point, NFE, the metric on both splits, tests."""
    table = []
    for reported in points:
        metrics = reported.test or reported.validation
        tests = [difference(test, metric) for test in reported.tests.values()]
        table.append(
            [
                reported.label,
                describe(reported.point) or "–",
                f"{metrics[NFE]:.0f}",
                percent(reported.validation, metric),
                percent(reported.test, metric),
                *tests,
            ]
        )
    return table


def signal_rows(points: Sequence[ReportedPoint]) -> list[list[str]]:
    """Rows of the terminal's table of signal measures on test utterances, none for images: each
    mean with the number of utterances that have a value.
    """
    measured = [p for p in points if any(name in p.test for name in SIGNAL_METRICS)]
    return [[p.label, *(_mean_text(p.test, name) for name in SIGNAL_METRICS)] for p in measured]


def _mean_text(values: Mapping[str, float], name: str) -> str:
    """A mean with the number of utterances that it is of; a dash where there is none."""
    if name not in values:
        return "–"
    return f"{values[name]:.2f} ({values[utterances_of(name)]:.0f})"
