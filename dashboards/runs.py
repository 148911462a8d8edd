"""Confirmed points as MLflow keeps them: what sweeps that ran apart are compared by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dashboards.points import Shown
from trainables.scoring.metric_names import ACCURACY, METRICS, STAGE_CONFIRM, STAGE_SWEEP

_PARENT = "mlflow.parentRunId"


def confirmed(uri: str, experiment: str, wanted: dict[str, str]) -> list[Shown]:
    """The points on test images of the newest finished sweep of each strategy, baselines once.

    `wanted` are tags that the sweeps must have, such as corruption, preset and seed.

    Raises:
        LookupError: the store has no such experiment, or no finished sweep with these tags.
    """
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        known = sorted(one.name for one in client.search_experiments() if one.name != "Default")
        raise LookupError(
            f"{uri} has no experiment {experiment!r}: run a sweep first; it has: "
            f"{', '.join(known) or 'none'}"
        )
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items())
    points: dict[str, Shown] = {}
    for sweep in _newest_sweeps(client, found.experiment_id, query):
        for shown in _points(client, found.experiment_id, sweep):
            points.setdefault(shown.label, shown)
    if not points:
        said = ", ".join(f"{name} {value}" for name, value in wanted.items())
        raise LookupError(
            f"{uri} has no finished sweep of {experiment} with {said}: run platform.sweep first"
        )
    return list(points.values())


def _newest_sweeps(client: Any, experiment: str, query: str) -> Iterator[str]:
    """Run ids of each strategy's newest finished sweep."""
    seen: set[str] = set()
    stage = f"tags.stage = '{STAGE_SWEEP}' and attributes.status = 'FINISHED'"
    for run in client.search_runs(
        [experiment], f"{stage} and {query}", order_by=["attributes.start_time DESC"]
    ):
        if run.data.tags["strategy"] not in seen:
            seen.add(run.data.tags["strategy"])
            yield run.info.run_id


def _points(client: Any, experiment: str, sweep: str) -> Iterator[Shown]:
    """A sweep's confirmed points, the newest run of each."""
    query = f"tags.stage = '{STAGE_CONFIRM}' and tags.`{_PARENT}` = '{sweep}'"
    for run in client.search_runs([experiment], query, order_by=["attributes.start_time DESC"]):
        if ACCURACY in run.data.metrics:
            metrics = {name: run.data.metrics[name] for name in METRICS if name in run.data.metrics}
            tags = run.data.tags
            label = tags["mlflow.runName"].removeprefix("confirm ")
            point = {name: value_of(text) for name, text in run.data.params.items()}
            yield Shown(label, tags["strategy"], tags["role"], point, test=metrics)


def value_of(text: str) -> Any:
    """A parameter as MLflow keeps it: a number, or else a word."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
