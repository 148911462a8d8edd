"""Runs of an experiment in MLflow: made, filled in batches, and ended."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from platform.backend.run_page import dataset_input
from platform.planning.setup import Setup
from typing import TYPE_CHECKING

from dashboards.colors import style_of
from dashboards.runs import PARENT, STRATEGY

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

_MOST_METRICS = 1000  # that MLflow takes at once
_MOST_RUNS = (
    1000  # that MLflow's interface for other languages gives at once; a page of a long list
)
_COLOR = "mlflow.runColor"  # the tag with the colour that MLflow's charts draw a run in


class RunWriter:
    """Writes runs of a setup.

    Args:
        client: of the tracking store.
        experiment: the id of the experiment.
        setup: what the runs are of.
        tags: of all runs.

    Attributes:
        open: the ids of the runs that were made, or are added to it, and have not been ended.
    """

    def __init__(
        self, client: MlflowClient, experiment: str, setup: Setup, tags: Mapping[str, str]
    ) -> None:
        self._client, self._experiment = client, experiment
        self._setup, self._tags = setup, tags
        self.open: set[str] = set()

    def find(self, query: str) -> list[Run]:
        """The experiment's runs that a query matches, the newest first."""
        runs: list[Run] = []
        token: str | None = None
        while True:
            page = self._client.search_runs(
                [self._experiment],
                query,
                max_results=_MOST_RUNS,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            runs += page
            token = page.token
            if not token:
                return runs

    def create(
        self, name: str, stage: str, tags: dict[str, str], parent: str = "", seconds: float = 0.0
    ) -> str:
        """Make a run of a parent, if it has one, that began so many seconds ago; returns its id. Its tags
        replace those of all runs, and say which `split` it used.
        """
        required = {"mlflow.runName": name, "stage": stage, **({PARENT: parent} if parent else {})}
        start = int((time.time() - seconds) * 1000)
        every = {**self._tags, **required, **tags}
        every[_COLOR] = style_of(every[STRATEGY]).color
        run = self._client.create_run(self._experiment, start, every, name)
        self.open.add(run.info.run_id)
        self._client.log_inputs(run.info.run_id, [dataset_input(self._setup, tags["split"])])
        value: str = run.info.run_id
        return value

    def close(self, run: str, status: str) -> None:
        """End a run with the status FINISHED, FAILED or KILLED."""
        self._client.set_terminated(run, status)
        self.open.discard(run)

    def log(self, run: str, params: Mapping[str, object], metrics: Mapping[str, float]) -> None:
        """Record parameters and metrics of a run at once."""
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        self._client.log_batch(
            run,
            metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in params.items()],
        )

    def log_steps(self, run: str, metrics: Sequence[Metric]) -> None:
        """Record metrics of a run at steps, any number of them."""
        for first in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(run, metrics=metrics[first : first + _MOST_METRICS])
