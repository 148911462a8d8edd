"""MLflow's store: the first contact with it, the point of a run, the directory of a database's artifacts."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from platform.backend.patient_client import PatientClient, environment
from platform.backend.tracking_database import (
    check_database,
    directory_of,
    is_database,
    make_whole,
    move_artifacts,
    scheme_of,
    sqlite_file,
)
from platform.cli.failures import disk_is_full
from platform.cli.interrupts import say
from platform.cli.next_commands import command
from platform.planning.plan import USUAL_PATIENCE
from typing import TYPE_CHECKING, cast

from dashboards.runs import STRATEGY, sampling_parameters
from trainables.core.errors import UsageError
from trainables.scoring.metric_names import STAGE_CONFIRM, STAGE_TRIAL

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

ENVIRONMENT = {
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # of every run that ends, password included
}
"""What MLflow's processes are told by environment variables."""
# A server is asked once and waited for this long (seconds, also for each of two addresses of a name);
# MLflow itself would ask seven times and wait two minutes each.
_FIRST_CONTACT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "6",
}
# The interface then opens as for model training, not for language models.
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
_LONGEST = 200


def client_of(
    uri: str,
    existing: bool = False,
    tell: Callable[[str], None] | None = None,
    patience: float = USUAL_PATIENCE,
    waiting: Callable[[str], None] = say,
) -> MlflowClient:
    """A client of a tracking store that has answered, which waits where the store goes away later.

    Args:
        uri: the URI of the store.
        existing: refuse a database that nothing was recorded to, instead of making it.
        tell: gets what people should know of a database that had to be made anew.
        patience: seconds that the store may be away for, once it has answered.
        waiting: gets a line when it is away, and when it is back.

    Raises:
        UsageError: the store does not answer, is none of MLflow's, or is of another version; with
            `existing`, there is none.
    """
    _check(uri, existing)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    # It prints a traceback of what it raises.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    with failures_told(uri), environment(_FIRST_CONTACT):
        note = "" if existing else make_whole(uri)
        if note and tell is not None:
            tell(note)
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    return cast("MlflowClient", PatientClient(client, patience, waiting))


def check_recorded(uri: str) -> None:
    """Refuse a database that nothing was recorded to; MLflow is not loaded for it.

    Raises:
        UsageError: it cannot be reached, is none of MLflow's, or is empty.
    """
    _check(uri, existing=True)


def _check(uri: str, existing: bool) -> None:
    """Look at a database before MLflow does.

    Raises:
        UsageError: it cannot be reached, is none of MLflow's, or, with `existing`, is empty.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        check_database(uri, existing)
    except (SQLAlchemyError, sqlite3.Error, ImportError, OSError) as error:
        raise _unreachable(uri, error) from error


@contextmanager
def failures_told(uri: str) -> Iterator[None]:
    """Within it, failures of the tracking store become errors of one line.

    Raises:
        UsageError: the store does not answer, refuses, or is of another version of MLflow; a full disk is
            left as it is.
    """
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except CommandError as error:
        raise _version_mismatch(uri, str(error)) from error
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        if disk_is_full(error):
            raise
        if "database schema" in str(error):
            raise _version_mismatch(uri, str(error)) from error
        raise _unreachable(uri, error) from error


def _new_experiment(client: MlflowClient, title: str, artifacts: Path | None) -> Experiment:
    """The experiment of a title that had none, which another sweep may make at the same moment."""
    from mlflow.exceptions import MlflowException

    location = None if artifacts is None else artifacts.as_uri()
    try:
        client.create_experiment(title, location, _EXPERIMENT_TAGS)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    experiment = client.get_experiment_by_name(title)
    assert experiment is not None
    return experiment


def _unreachable(uri: str, error: BaseException) -> UsageError:
    """The refusal of a store, with the operating system's reason where the error comes from there."""
    innermost = error
    while (cause := innermost.__cause__ or innermost.__context__) is not None:
        innermost = cause
    message = str(innermost if isinstance(innermost, OSError) else error)
    reason = message.strip().split("\n")[0][:_LONGEST]
    return UsageError(
        f"the tracking store {uri} cannot be reached ({reason}): start it, or name another by "
        "--tracking-uri"
    )


def _version_mismatch(uri: str, message: str) -> UsageError:
    """The refusal of a store of another version of MLflow."""
    return UsageError(
        f"the tracking store {uri} is of another version of MLflow ({message.split('. ')[0]}): copy it and "
        f"run {command('mlflow', 'db', 'upgrade', uri)}, or name another by --tracking-uri"
    )


def parameters_of(uri: str, run_id: str, patience: float) -> tuple[str, dict[str, str]]:
    """The strategy and the sampling parameters of a trial's or a confirmed point's run; the store may be
    away for `patience` seconds.

    Raises:
        UsageError: the store has no such run, or the run is of no point.
    """
    from mlflow.exceptions import MlflowException

    client = client_of(uri, existing=True, patience=patience)
    with failures_told(uri):
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            raise UsageError(
                f"no run {run_id!r} in {uri}: copy its id from MLflow's page"
            ) from error
    if run.data.tags.get("stage") not in (STAGE_TRIAL, STAGE_CONFIRM):
        raise UsageError(f"run {run_id} is of no point: choose a trial or a confirmed point")
    return run.data.tags[STRATEGY], sampling_parameters(run.data.params)


def own_artifacts(uri: str, storage: Path, title: str) -> Path | None:
    """The directory for an experiment's artifacts: beside an SQLite file, in the storage where another
    database has the runs; None where a server keeps them.
    """
    if not is_database(uri):
        return None
    root = sqlite_file(uri).parent if scheme_of(uri) == "sqlite" else storage
    return root / "artifacts" / title


def experiment_of(client: MlflowClient, title: str, artifacts: Path | None) -> tuple[str, str]:
    """The experiment of a title, which is made or restored where it has to be; returns its id, and a note
    for people where its artifacts do not simply go to the directory `artifacts`, else an empty text.
    """
    experiment = client.get_experiment_by_name(title) or _new_experiment(client, title, artifacts)
    if experiment.lifecycle_stage != "active":
        client.restore_experiment(experiment.experiment_id)
    old = directory_of(experiment.artifact_location)
    if artifacts is None or old is None or old == artifacts:
        return experiment.experiment_id, ""
    uri = client.tracking_uri
    if scheme_of(uri) == "sqlite" and old.parts[-2:] == artifacts.parts[-2:]:
        move_artifacts(sqlite_file(uri), experiment.experiment_id, old, artifacts)
        note = f"artifacts of {title} go to {artifacts} from now on: the tracking store was made for {old}"
    else:
        note = f"artifacts of {title} go to {old}, as the experiment was made in {uri}"
    return experiment.experiment_id, note
