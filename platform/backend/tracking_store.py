"""MLflow's store: the first contact with it, the point of a run, the directory of a database's artifacts."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from platform.cli.next_commands import command
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from trainables.core.errors import UsageError
from trainables.scoring.metric_names import STAGE_CONFIRM, STAGE_TRIAL

if TYPE_CHECKING:
    from mlflow import MlflowClient

_ENVIRONMENT = {
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
# A server is asked once and waited for this long (seconds, also for each of two addresses of a name);
# MLflow itself would ask seven times and wait two minutes each.
_FIRST_CONTACT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "6",
}
# The interface then opens as for model training, not for language models.
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
_CONNECT: dict[str, dict[str, int]] = {
    "sqlite": {},
    "postgresql": {"connect_timeout": 6},
    "mysql": {"connect_timeout": 6},
    "mssql": {"timeout": 6},
}
"""What makes each database's driver give up on a server that does not answer."""
_TABLE = "experiments"
_LONGEST = 200


def client_of(uri: str, existing: bool = False) -> MlflowClient:
    """A client of a tracking store that has answered.

    Args:
        uri: the URI of the store.
        existing: refuse a database that nothing was recorded to, instead of making it.

    Raises:
        UsageError: the store does not answer, is none of MLflow's, or is of another version; with
            `existing`, there is none.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        _check_database(uri, existing)
    except (SQLAlchemyError, ImportError, OSError) as error:
        raise _unreachable(uri, error) from error
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    with failures_told(uri), _environment(_FIRST_CONTACT):
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    return client


@contextmanager
def failures_told(uri: str) -> Iterator[None]:
    """Within it, failures of the tracking store become errors of one line.

    Raises:
        UsageError: the store does not answer, refuses, or is of another version of MLflow.
    """
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except CommandError as error:
        raise _version_mismatch(uri, str(error)) from error
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if "database schema" in str(error):
            raise _version_mismatch(uri, str(error)) from error
        raise _unreachable(uri, error) from error


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


def parameters_of(uri: str, run_id: str) -> tuple[str, dict[str, str]]:
    """The strategy and the sampling parameters of a trial's or a confirmed point's run.

    Raises:
        UsageError: the store has no such run, or the run is of no point.
    """
    from mlflow.exceptions import MlflowException

    client = client_of(uri, existing=True)
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
    return run.data.tags["strategy"], dict(run.data.params)


def own_artifacts(uri: str, storage: Path, title: str) -> Path | None:
    """The directory for an experiment's artifacts: beside an SQLite file, in the storage where another
    database has the runs; None where a server keeps them.
    """
    scheme = _scheme(uri)
    if scheme not in _CONNECT:
        return None
    root = _sqlite_file(uri).parent if scheme == "sqlite" else storage
    return root / "artifacts" / title


def experiment_of(client: MlflowClient, title: str, artifacts: Path | None) -> tuple[str, str]:
    """The experiment of a title, which is made or restored where it has to be; returns its id, and a note
    for people where its artifacts do not simply go to the directory `artifacts`, else an empty text.
    """
    experiment = client.get_experiment_by_name(title)
    if experiment is None:
        location = None if artifacts is None else artifacts.as_uri()
        return client.create_experiment(title, location, _EXPERIMENT_TAGS), ""
    if experiment.lifecycle_stage != "active":
        client.restore_experiment(experiment.experiment_id)
    old = _directory(experiment.artifact_location)
    if artifacts is None or old is None or old == artifacts:
        return experiment.experiment_id, ""
    uri = client.tracking_uri
    if _scheme(uri) == "sqlite" and old.parts[-2:] == artifacts.parts[-2:]:
        _move_artifacts(_sqlite_file(uri), experiment.experiment_id, old, artifacts)
        note = f"artifacts of {title} go to {artifacts} from now on: the tracking store was made for {old}"
    else:
        note = f"artifacts of {title} go to {old}, as the experiment was made in {uri}"
    return experiment.experiment_id, note


def _move_artifacts(file: Path, experiment: str, old: Path, new: Path) -> None:
    """Change the places of an experiment's artifacts in an SQLite file that was moved or copied.

    Artifacts of new runs go to `new`, and those of earlier runs are looked for there, except where their
    files are still at the old place alone. MLflow records absolute places and has no command that
    changes them.
    """
    with closing(sqlite3.connect(file, timeout=20)) as database, database:
        database.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
            (new.as_uri(), int(experiment)),
        )
        runs = database.execute(
            "SELECT run_uuid, artifact_uri FROM runs WHERE experiment_id = ?", (int(experiment),)
        ).fetchall()
        for run, uri in runs:
            place = _relative_place(uri, old)
            if place is not None and ((new / place).exists() or not (old / place).exists()):
                database.execute(
                    "UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?",
                    ((new / place).as_uri(), run),
                )


def _directory(artifact_uri: str) -> Path | None:
    """The directory that an artifact URI names; None where it is no directory of this machine."""
    parts = urlsplit(artifact_uri)
    if parts.scheme not in ("", "file"):
        return None
    return Path(unquote(parts.path) if parts.scheme else artifact_uri)


def _relative_place(artifact_uri: str | None, folder: Path) -> Path | None:
    """The place of an artifact URI within a folder; None where it is not within it."""
    place = _directory(artifact_uri) if artifact_uri else None
    return place.relative_to(folder) if place and place.is_relative_to(folder) else None


def _check_database(uri: str, existing: bool) -> None:
    """Refuse a database before MLflow opens it, which would ask ten times and write to any database.

    Raises:
        UsageError: it holds other tables than MLflow's; with `existing`, it holds none.
        SQLAlchemyError: it cannot be reached or read.
        ImportError: its driver is not installed.
    """
    import sqlalchemy

    scheme = _scheme(uri)
    if scheme not in _CONNECT:
        return
    tables: list[str] = []
    if scheme != "sqlite" or _sqlite_file(uri).exists():
        engine = sqlalchemy.create_engine(uri, connect_args=_CONNECT[scheme])
        try:
            tables = sqlalchemy.inspect(engine).get_table_names()
        finally:
            engine.dispose()
    if tables and _TABLE not in tables:
        raise UsageError(
            f"the tracking store {uri} is a database of something else (its tables: "
            f"{', '.join(sorted(tables)[:5])}): name another by --tracking-uri"
        )
    if existing and not tables:
        raise UsageError(
            f"nothing has been recorded in {uri}: name the --storage or --tracking-uri of a sweep, or "
            "run platform.sweep first"
        )


def _scheme(uri: str) -> str:
    """The kind of store, without the name of a driver."""
    return uri.split(":", 1)[0].split("+", 1)[0]


def _sqlite_file(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///"))


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables within the context, and restore them afterwards."""
    earlier = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in earlier.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
