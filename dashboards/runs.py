"""Confirmed points as MLflow keeps them: what sweeps that ran apart are compared by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dashboards.points import ReportedPoint
from trainables.scoring.metric_names import (
    ACCURACY,
    METRICS,
    STAGE_CONFIRM,
    STAGE_SWEEP,
    on_split,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

LABEL = "label"
"""The tag that holds what a confirmed point is called in tables."""
_PARENT = "mlflow.parentRunId"


def confirmed(client: MlflowClient, experiment: str, wanted: dict[str, str]) -> list[ReportedPoint]:
    """The points on test images of the newest finished sweep of each strategy, baselines once.

    `wanted` are tags that the sweeps must have, such as corruption, preset and seed.

    Raises:
        LookupError: the store has no such experiment, or no finished sweep with these tags.
    """
    uri = client.tracking_uri
    found = client.get_experiment_by_name(experiment)
    if found is None:
        known = sorted(one.name for one in client.search_experiments() if one.name != "Default")
        raise LookupError(
            f"{uri} has no experiment {experiment!r}: run a sweep first; it has: "
            f"{', '.join(known) or 'none'}"
        )
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items())
    points: dict[str, ReportedPoint] = {}
    for sweep in _newest_sweeps(client, found.experiment_id, query):
        for shown in _points(client, found.experiment_id, sweep):
            points.setdefault(shown.label, shown)
    if not points:
        said = ", ".join(f"{name} {value}" for name, value in wanted.items())
        raise LookupError(
            f"{uri} has no finished sweep of {experiment} with {said}: run platform.sweep first"
        )
    return list(points.values())


def _newest_sweeps(client: MlflowClient, experiment: str, query: str) -> Iterator[str]:
    """Run ids of each strategy's newest finished sweep."""
    seen: set[str] = set()
    stage = f"tags.stage = '{STAGE_SWEEP}' and attributes.status = 'FINISHED'"
    for run in client.search_runs(
        [experiment], f"{stage} and {query}", order_by=["attributes.start_time DESC"]
    ):
        if run.data.tags["strategy"] not in seen:
            seen.add(run.data.tags["strategy"])
            yield run.info.run_id


def _points(client: MlflowClient, experiment: str, sweep: str) -> Iterator[ReportedPoint]:
    """A sweep's confirmed points, the newest run of each."""
    query = f"tags.stage = '{STAGE_CONFIRM}' and tags.`{_PARENT}` = '{sweep}'"
    for run in client.search_runs([experiment], query, order_by=["attributes.start_time DESC"]):
        test = _measured(run.data.metrics, "test") or _unnamed(run.data.metrics)
        if test:
            tags = run.data.tags
            label = tags.get(LABEL) or tags["mlflow.runName"].removeprefix("confirm ")
            point = {name: value_of(text) for name, text in run.data.params.items()}
            validation = _measured(run.data.metrics, "validation")
            yield ReportedPoint(label, tags["strategy"], tags["role"], point, validation, test)


def _measured(metrics: Mapping[str, float], split: str) -> dict[str, float]:
    """What was measured on a split, by the metrics' own names; nothing where nothing was."""
    if on_split(split, ACCURACY) not in metrics:
        return {}
    names = {name: on_split(split, name) for name in METRICS}
    return {name: metrics[logged] for name, logged in names.items() if logged in metrics}


def _unnamed(metrics: Mapping[str, float]) -> dict[str, float]:
    """What was measured on the test split, as it was logged before names told the split."""
    return {name: metrics[name] for name in METRICS if ACCURACY in metrics and name in metrics}


def value_of(text: str) -> Any:
    """A parameter as MLflow keeps it: a number, or else a word."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
