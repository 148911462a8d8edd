"""Confirmed points, read from MLflow, by which sweeps that ran apart are compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

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

FORMAT = "format"
"""The tag with the format of the records that a run's numbers come from: numbers of different formats do not
mean the same, and are not compared.
"""
SHARES = ("resolution", "train_fraction")
"""Tags with the shares of rows and columns, and of the training split; runs of releases that had no such
shares lack them, and are of 1.
"""
LABEL = "label"
"""The tag with a confirmed point's label in tables."""
PARENT = "mlflow.parentRunId"
"""MLflow's tag with the run that a run is a child of."""
STRATEGY = "strategy"
"""The tag with a run's strategy. It is a parameter too, by which MLflow's charts can group and order runs."""


def share_tags(resolution: float, train_fraction: float) -> dict[str, str]:
    """The tags `SHARES` of runs."""
    return dict(zip(SHARES, (f"{resolution:g}", f"{train_fraction:g}"), strict=True))


def sampling_parameters(params: Mapping[str, str]) -> dict[str, str]:
    """Those of the parameters of a point's run that are sampling parameters."""
    return {name: text for name, text in params.items() if name != STRATEGY}


def confirmed_points(client: MlflowClient, title: str, tags: dict[str, str]) -> list[ReportedPoint]:
    """The points on test samples of the newest finished sweep of each strategy, baselines once.

    Args:
        client: of the tracking store.
        title: the experiment's name, which is the dataset's title.
        tags: those that the sweeps must have, such as corruption, preset and seed; of `SHARES` those that
            are left out are 1.

    Raises:
        LookupError: the store has no such experiment, or no finished sweep with these tags.
    """
    uri = client.tracking_uri
    experiment = client.get_experiment_by_name(title)
    if experiment is None:
        names = sorted(e.name for e in client.search_experiments() if e.name != "Default")
        raise LookupError(
            f"{uri} has no experiment {title!r}: run a sweep first; it has: "
            f"{', '.join(names) or 'none'}"
        )
    shares = {name: tags.get(name, "1") for name in SHARES}
    others = {name: value for name, value in tags.items() if name not in SHARES}
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in others.items())
    points: dict[str, ReportedPoint] = {}
    for sweep in _newest_sweeps(client, experiment.experiment_id, query, shares):
        for reported in _points(client, experiment.experiment_id, sweep):
            points.setdefault(reported.label, reported)
    if not points:
        setting = ", ".join(f"{name} {value}" for name, value in tags.items())
        raise LookupError(
            f"{uri} has no finished sweep of {title} with {setting}: run platform.sweep first"
        )
    return list(points.values())


def _newest_sweeps(
    client: MlflowClient, experiment: str, query: str, shares: Mapping[str, str]
) -> Iterator[str]:
    """Run ids of each strategy's newest finished sweep with these shares."""
    strategies: set[str] = set()
    stage = f"tags.stage = '{STAGE_SWEEP}' and attributes.status = 'FINISHED'"
    for run in client.search_runs(
        [experiment], f"{stage} and {query}", order_by=["attributes.start_time DESC"]
    ):
        tags = run.data.tags
        if any(tags.get(name, "1") != share for name, share in shares.items()):
            continue
        if tags["strategy"] not in strategies:
            strategies.add(tags["strategy"])
            yield run.info.run_id


def _points(client: MlflowClient, experiment: str, sweep: str) -> Iterator[ReportedPoint]:
    """A sweep's confirmed points, the newest run of each."""
    query = f"tags.stage = '{STAGE_CONFIRM}' and tags.`{PARENT}` = '{sweep}'"
    for run in client.search_runs([experiment], query, order_by=["attributes.start_time DESC"]):
        test = _metrics_on(run.data.metrics, "test")
        if test:
            tags = run.data.tags
            parameters = sampling_parameters(run.data.params)
            point = {name: value_of(text) for name, text in parameters.items()}
            validation = _metrics_on(run.data.metrics, "validation")
            yield ReportedPoint(
                tags[LABEL], tags["strategy"], tags["role"], point, validation, test
            )


def _metrics_on(metrics: Mapping[str, float], split: str) -> dict[str, float]:
    """A run's metrics on a split, by their names without it; empty where it has none."""
    if on_split(split, ACCURACY) not in metrics:
        return {}
    names = {name: on_split(split, name) for name in METRICS}
    return {name: metrics[logged] for name, logged in names.items() if logged in metrics}


def value_of(text: str) -> object:
    """A parameter's value from MLflow's text: a number, or else a word."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
