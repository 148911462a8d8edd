"""The places of the storage, of the dataset's files and of MLflow's store."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from trainables.core.errors import UsageError

USUAL_STORAGE = "runs"
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"
"""The environment variable that names the tracking store: MLflow's own."""
_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]+@")


def absolute_path(path: str) -> Path:
    """The absolute path of a file or directory, whether it is there or not; `~` is the home directory."""
    return Path(os.path.abspath(os.path.expanduser(path)))


def without_passwords(text: str) -> str:
    """A text for people, files and logs: `***` is in the place of the password of any URI in it."""
    return _PASSWORD.sub(r"\1:***@", text)


def tracking_uri(argument: str | None, storage: Path, environment: Mapping[str, str]) -> str:
    """The tracking URI: the argument, else MLflow's environment variable, else SQLite in the storage.

    A path in it is made absolute, since workers and MLflow's own tools run in other directories.

    Raises:
        UsageError: the URI is of a kind that MLflow cannot record to.
    """
    uri = argument or environment.get(TRACKING_VARIABLE) or own_tracking_uri(storage)
    scheme = uri.split(":", 1)[0].split("+", 1)[0] if ":" in uri else ""
    if scheme == "sqlite":
        return f"sqlite:///{Path(uri.removeprefix('sqlite:///')).expanduser().absolute()}"
    if scheme in ("http", "https", "postgresql", "mysql", "mssql", "databricks"):
        return uri
    raise UsageError(
        f"--tracking-uri is {without_passwords(uri)!r}, but must be a server (http://…) or a database "
        "(sqlite:///…, postgresql://…): MLflow no longer records to plain directories"
    )


def own_tracking_uri(storage: Path) -> str:
    """The URI of the storage's own SQLite file, which is used where no other store is named."""
    return f"sqlite:///{storage / 'mlflow.db'}"


def data_directory(argument: str | None) -> str:
    """The absolute path of the directory that holds the dataset's files; empty where none is named.

    Raises:
        UsageError: it is not there.
    """
    if argument is None:
        return ""
    path = absolute_path(argument)
    if not path.is_dir():
        raise UsageError(f"--data-dir {path} is not a directory: name the one that has the data")
    return str(path)


def writable_storage(argument: str) -> Path:
    """The absolute path of the storage directory, which is made where it is missing.

    Raises:
        UsageError: it cannot be made or written.
    """
    path = absolute_path(argument)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise UsageError(
            f"--storage {path} cannot be written ({error.strerror or error}): name another directory"
        ) from error
    return path
