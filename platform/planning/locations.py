"""Where things lie: the storage, the dataset's files, MLflow's store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from trainables.core.errors import UsageError

USUAL_STORAGE = "runs"


def tracking_uri(asked: str | None, storage: Path, environment: Mapping[str, str]) -> str:
    """The tracking URI: as asked, else MLflow's environment variable, else SQLite in the storage.

    Made absolute, since workers and MLflow's own tools run in other directories.

    Raises:
        UsageError: the URI is of a kind that MLflow cannot record to.
    """
    uri = asked or environment.get("MLFLOW_TRACKING_URI") or own_tracking_uri(storage)
    scheme = uri.split(":", 1)[0] if ":" in uri else ""
    if scheme == "sqlite":
        return f"sqlite:///{Path(uri.removeprefix('sqlite:///')).expanduser().absolute()}"
    if scheme in ("http", "https", "postgresql", "mysql", "mssql", "databricks"):
        return uri
    raise UsageError(
        f"--tracking-uri is {uri!r}, but must be a server (http://…) or a database (sqlite:///…, "
        "postgresql://…): MLflow no longer records to plain directories"
    )


def own_tracking_uri(storage: Path) -> str:
    """The storage's own SQLite file, where nothing else is named."""
    return f"sqlite:///{storage / 'mlflow.db'}"


def data_directory(asked: str | None) -> str:
    """The directory that holds the dataset's files, absolute; empty where none was named.

    Raises:
        UsageError: it is not there.
    """
    if asked is None:
        return ""
    path = Path(os.path.abspath(os.path.expanduser(asked)))
    if not path.is_dir():
        raise UsageError(f"--data-dir {path} is not a directory: name the one that has the data")
    return str(path)


def storage_path(asked: str) -> Path:
    """The storage directory, absolute; it need not be there."""
    return Path(os.path.abspath(os.path.expanduser(asked)))


def writable_storage(asked: str) -> Path:
    """The storage directory, absolute, made where it is missing.

    Raises:
        UsageError: it cannot be made or written.
    """
    path = storage_path(asked)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise UsageError(
            f"--storage {path} cannot be written ({error.strerror or error}): name another directory"
        ) from error
    return path
