"""What is recorded of a confirmed point in MLflow: its metrics, its answers, and the hash of both."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dashboards.points import ReportedPoint
from trainables.core.config import as_mapping, digest, from_mapping
from trainables.core.errors import UsageError
from trainables.evaluation.records import Measurement
from trainables.scoring.metric_names import LOG_NFE, NFE, on_split

ANSWERS = "answers.json"
"""The artifact with a confirmed point's answers."""


@dataclass(frozen=True)
class Answers:
    """Which answers of a confirmed point are right, a measurement a sampling seed on each split; all that
    paired tests and pooling over training seeds need.
    """

    validation: tuple[Measurement, ...] = ()
    test: tuple[Measurement, ...] = ()


def answers_text(answers: Answers) -> str:
    """Answers as the JSON that is attached to the point's run."""
    return json.dumps(_mapping(answers), separators=(",", ":"), allow_nan=False)


def answers_of(text: str | bytes) -> Answers:
    """The answers that a JSON text holds.

    Raises:
        UsageError: it is not what `answers_text` makes.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"it is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise UsageError("it is no JSON object")
    return Answers(*(_measurements(split, values.get(split)) for split in ("validation", "test")))


def content_hash(reported: ReportedPoint, answers: Answers) -> str:
    """A hash of all that is recorded of a confirmed point."""
    return digest([asdict(reported), _mapping(answers)], 20)


def metrics_of(reported: ReportedPoint) -> dict[str, float]:
    """The metrics of a confirmed point's run: of both splits, where costs are those of the test split,
    of its paired tests, and the logarithm of its calls.
    """
    values = {
        on_split(split, name): value
        for split, metrics in (("validation", reported.validation), ("test", reported.test))
        for name, value in metrics.items()
    }
    tests = {
        f"{name}_vs_{_metric_key(baseline)}": value
        for baseline, test in reported.tests.items()
        for name, value in test.items()
    }
    return {**values, **tests, **logarithm(values)}


def logarithm(metrics: Mapping[str, float]) -> dict[str, float]:
    """The logarithm of a point's calls, for MLflow's charts; nothing where there are no calls."""
    return {LOG_NFE: math.log10(metrics[NFE])} if metrics.get(NFE, 0) > 0 else {}


def _metric_key(label: str) -> str:
    """A label as part of a metric's name, in which MLflow allows few characters."""
    return "_".join(re.findall(r"\w+", label))


def _mapping(answers: Answers) -> dict[str, list[dict[str, Any]]]:
    """Answers in JSON types."""
    return {
        "validation": [as_mapping(measurement) for measurement in answers.validation],
        "test": [as_mapping(measurement) for measurement in answers.test],
    }


def _measurements(split: str, records: object) -> tuple[Measurement, ...]:
    """The measurements of a split, from what a file has of them.

    Raises:
        UsageError: they are not what was written, or not of the same samples.
    """
    if not isinstance(records, list):
        raise UsageError(f"it has no measurements on {split}")
    measurements = tuple(_measurement(record) for record in records)
    if _differ(len(m.correct) for m in measurements) or _differ(m.words for m in measurements):
        raise UsageError(f"its measurements on {split} are of different samples")
    return measurements


def _differ(values: Iterable[object]) -> bool:
    return len(set(values)) > 1


def _measurement(record: object) -> Measurement:
    """A measurement, from what a file has of it.

    Raises:
        UsageError: it is not what was written.
    """
    if not isinstance(record, dict):
        raise UsageError("a measurement is no JSON object")
    measured = from_mapping(Measurement, record)
    flags = measured.correct + measured.top5
    if not measured.correct or set(flags) - {"0", "1"}:
        raise UsageError("answers are neither right nor wrong")
    lengths = {len(each) for each in (measured.errors, measured.words, measured.top5) if each}
    if lengths - {len(measured.correct)} or len(measured.errors) != len(measured.words):
        raise UsageError("what is known of the answers is not of the same samples")
    if not all(_is_finite(value) for value in measured.cost.values()):
        raise UsageError("a cost is no number")
    return measured


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
