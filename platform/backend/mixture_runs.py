"""The runs in MLflow of a diagnosis of Gaussian mixtures, which have no plan and no parts: a parent run, and
a child run a dimension and training length.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from platform.backend.patient_client import StoreAway
from platform.backend.run_tags import code_tags
from platform.backend.tracking_store import (
    client_of,
    experiment_of,
    failures_told,
    own_artifacts,
)

from dashboards.runs import PARENT
from trainables.scoring.metric_names import STAGE_DIAGNOSE


class MixtureRuns:
    """Records a diagnosis of mixtures in an experiment of its own.

    Args:
        uri: of the tracking store.
        storage: the directory of all output.
        title: the experiment's name.
        tags: of all runs.
        patience: seconds that the store may be away for.
        waiting: gets a line when it is away, and when it is back.

    Attributes:
        note: what people should know of where artifacts go, empty if there is nothing to say.

    Raises:
        UsageError: the tracking store cannot be reached or written.
    """

    def __init__(
        self,
        uri: str,
        storage: Path,
        title: str,
        tags: Mapping[str, str],
        patience: float,
        waiting: Callable[[str], None],
    ) -> None:
        self._client = client_of(uri, patience=patience, waiting=waiting)
        with failures_told(uri):
            place = own_artifacts(uri, storage, title)
            self._experiment, self.note = experiment_of(self._client, title, place)
        self._tags = {"dataset": title, "stage": STAGE_DIAGNOSE, "split": "held-out", **tags}
        self._tags |= code_tags()

    def record(
        self,
        name: str,
        params: Mapping[str, object],
        metrics: Mapping[str, float],
        children: Mapping[str, Sequence[tuple[str, float, int]]],
        files: Sequence[Path],
    ) -> str:
        """Record all of a diagnosis; returns the id of the parent run.

        Args:
            name: of the parent run.
            params, metrics: of the parent run.
            children: by the names of child runs, their metrics at steps: name, value, number of the step.
            files: attached to the parent run.

        Raises:
            Exception: whatever failed; the runs that are open then are marked as failed.
        """
        runs: list[str] = []
        status = "FAILED"
        try:
            parent = self._create(name, {})
            runs.append(parent)
            self._log(parent, params, [(name, value, 0) for name, value in metrics.items()])
            for child, values in children.items():
                runs.append(self._create(child, {PARENT: parent}))
                self._log(runs[-1], {}, values)
            for file in files:
                self._client.log_artifact(parent, str(file))
            status = "FINISHED"
        except StoreAway:
            runs = []  # there is nowhere to end them
            raise
        finally:
            for run in runs:
                self._client.set_terminated(run, status)
        return parent

    def _create(self, name: str, tags: Mapping[str, str]) -> str:
        all_tags = {**self._tags, "mlflow.runName": name, **tags}
        run = self._client.create_run(self._experiment, tags=all_tags, run_name=name)
        value: str = run.info.run_id
        return value

    def _log(
        self, run: str, params: Mapping[str, object], values: Sequence[tuple[str, float, int]]
    ) -> None:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        self._client.log_batch(
            run,
            metrics=[Metric(name, value, now, step) for name, value, step in values],
            params=[Param(name, str(value)) for name, value in params.items()],
        )
