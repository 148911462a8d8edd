"""The places of the storage, of the dataset's files, of MLflow's store and of the search's study."""

from __future__ import annotations

import os
import re
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from trainables.core.errors import UsageError
from trainables.core.files import write_whole
from trainables.core.places import is_uri, place, workspace

USUAL_STORAGE = "runs"
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"
"""The environment variable that names the tracking store: MLflow's own."""
STUDY_VARIABLE = "COUPLED_STUDY_URI"
"""The environment variable that names the database of studies."""
OWN_STUDY = "journal"
"""The word for a study in the sweep's own folder, as it is where no database is named."""
_LONGEST_NAME, _LONGEST_PATH = 255, 4000
_TRACKING_FLAG, _STUDY_FLAG = "--tracking-uri", "--study-uri"
# Databases take passwords with any letters in them, and those among the options after a question mark.
_PASSWORDS = (
    re.compile(r"(\b(?:postgresql|mysql|mssql)(?:\+\w+)?://[^\s/:@]*:)[^\s\"']+(?=@)"),
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"),
    re.compile(r"(\b[a-z][a-z0-9+.-]*://\S*?[?&](?:\w*password|passwd|pwd)=)[^\s&\"']+"),
)


def absolute_path(path: str) -> Path:
    """The absolute path of a file or directory, whether it is there or not; `~` is the home directory.

    Raises:
        UsageError: no file system has such a name.
    """
    absolute = Path(os.path.abspath(os.path.expanduser(path)))
    longest = max((len(os.fsencode(part)) for part in absolute.parts), default=0)
    if longest > _LONGEST_NAME or len(os.fsencode(absolute)) > _LONGEST_PATH:
        raise UsageError(
            f"{path[:40]}… is too long a name: {_LONGEST_NAME} bytes are allowed between two slashes, "
            f"{_LONGEST_PATH} in all"
        )
    return absolute


def without_passwords(text: str) -> str:
    """A text for people, files and logs: `***` is in the place of the password of any URI in it."""
    for password in _PASSWORDS:
        text = password.sub(r"\1***", text)
    return text


def tracking_uri(argument: str | None, storage: Path, environment: Mapping[str, str]) -> str:
    """The tracking URI: the argument, else MLflow's environment variable, else SQLite in the storage.

    A path in it is made absolute, since workers and MLflow's own tools run in other directories.

    Raises:
        UsageError: the URI is of a kind that MLflow cannot record to, or is none.
    """
    uri = argument or environment.get(TRACKING_VARIABLE) or own_tracking_uri(storage)
    if not uri.isprintable():
        raise UsageError(f"--tracking-uri is {uri[:40]!a}, but must be printable text")
    scheme = uri.split(":", 1)[0].split("+", 1)[0] if ":" in uri else ""
    if scheme == "sqlite":
        return f"sqlite:///{_sqlite_file(uri, storage, _TRACKING_FLAG)}"
    if scheme in ("http", "https"):
        return _checked_server(uri)
    if scheme in ("postgresql", "mysql", "mssql", "databricks"):
        return uri
    raise UsageError(
        f"--tracking-uri is {without_passwords(uri)!r}, but must be a server (http://…) or a database "
        "(sqlite:///…, postgresql://…): MLflow no longer records to plain directories"
    )


def study_uri(argument: str | None, storage: Path, environment: Mapping[str, str]) -> str:
    """The URI of the database that holds the study: the argument, else the environment variable; empty where
    that is the sweep's own folder. A path in it is made absolute, and PostgreSQL's driver, where none is
    named, is that of the extra `postgresql`.

    Raises:
        UsageError: Optuna keeps no studies in such a place.
    """
    uri = argument or environment.get(STUDY_VARIABLE) or OWN_STUDY
    if uri == OWN_STUDY:
        return ""
    if not uri.isprintable():
        raise UsageError(f"{_STUDY_FLAG} is {uri[:40]!a}, but must be printable text")
    scheme = uri.split("://", 1)[0].split("+", 1)[0] if "://" in uri else ""
    if scheme == "sqlite":
        return f"sqlite:///{_sqlite_file(uri, storage, _STUDY_FLAG)}"
    if scheme in ("postgresql", "mysql"):
        return re.sub("^postgresql://", "postgresql+psycopg2://", uri)
    raise UsageError(
        f"{_STUDY_FLAG} is {without_passwords(uri)!r}, but must be a database (postgresql://…, mysql://…, "
        f"sqlite:///…), or {OWN_STUDY}, which is a file in the sweep's folder"
    )


def _sqlite_file(uri: str, storage: Path, flag: str) -> Path:
    """The absolute file that an SQLite URI names, given by that flag.

    Raises:
        UsageError: it names none, or a directory, or its directory is not there, unless that is the storage.
    """
    start = "sqlite:///"
    name = uri.removeprefix(start)
    if not uri.startswith(start) or not name or "?" in name or ":memory:" in name:
        raise UsageError(
            f"{flag} is {without_passwords(uri)!r}, but SQLite's file must be named as in "
            "sqlite:///runs/mlflow.db, or sqlite:////home/me/mlflow.db"
        )
    file = absolute_path(name)
    if file.is_dir():
        raise UsageError(
            f"{flag} {uri} is a directory: name a file in it, such as {uri.rstrip('/')}/mlflow.db"
        )
    if not file.parent.is_dir() and file.parent != storage:
        raise UsageError(
            f"{flag} {uri} cannot be made, as {file.parent} is no directory: make it, or name another"
        )
    return file


def _checked_server(uri: str) -> str:
    """The URI of a server.

    Raises:
        UsageError: it names no host, or a port that there is not.
    """
    try:
        parts = urlsplit(uri)
        named = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if not named:
        raise UsageError(
            f"--tracking-uri is {without_passwords(uri)!r}, but a server must be named as in "
            "http://host:5000"
        )
    return uri


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


def storage_root(argument: str) -> str:
    """The storage of a verb that may have an object store: the absolute path of a directory, or a URI.

    Raises:
        UsageError: it cannot be made or written, or the URI has more in it than a place.
    """
    if not is_uri(argument):
        return str(writable_storage(argument))
    root, parts = argument.rstrip("/"), urlsplit(argument)
    if parts.query or parts.fragment or "@" in parts.netloc or not parts.netloc:
        raise UsageError(
            f"--storage is {without_passwords(argument)!r}, but must be like s3://bucket/runs: credentials "
            "and endpoint are named by the environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL)"
        )
    probe = place(root) / f".probe-{uuid.uuid4().hex}"
    try:
        write_whole(probe, b"")
        probe.unlink()
    except Exception as error:  # whatever an object store's client raises: it has errors of its own
        reason = (str(error) or type(error).__name__).split("\n")[0]
        raise UsageError(
            f"--storage {root} cannot be written ({reason}): look at its credentials and endpoint in the "
            "environment (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL), and whether the bucket is there"
        ) from error
    return root


def local_storage(argument: str) -> Path:
    """The directory of what this machine has of a storage, whether it is there or not.

    Raises:
        UsageError: no file system has such a name.
    """
    return workspace(argument.rstrip("/")) if is_uri(argument) else absolute_path(argument)


def writable_storage(argument: str) -> Path:
    """The absolute path of the storage directory. Where it is missing it can be made, and is as soon as
    something is written to it.

    Raises:
        UsageError: it is no directory, or cannot be made or written.
    """
    if is_uri(argument):
        raise UsageError(
            f"--storage {argument}: this verb keeps its files in a directory, name one; platform.sweep, "
            "submit, train and evaluate take an object store, and compare and ui what they recorded"
        )
    path = absolute_path(argument)
    existing = path
    try:
        while not existing.exists():
            existing = existing.parent
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise UsageError(
            f"--storage {path} cannot be written ({error.strerror or error}): name another directory"
        ) from error
    return path
