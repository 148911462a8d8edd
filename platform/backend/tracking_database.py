"""The database of a tracking store: it is looked at before MLflow opens it, and an SQLite file is made whole.

MLflow makes its tables in some fifty migrations. A process that is stopped between two of them leaves a file
that nothing opens again, and two that make the same file at the same moment fail. So a new file is made
elsewhere, under a lock, and comes to its place when it is whole.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trainables.core.errors import UsageError
from trainables.core.files import locked

CONNECT: dict[str, dict[str, int]] = {
    "sqlite": {},
    "postgresql": {"connect_timeout": 6},
    "mysql": {"connect_timeout": 6},
    "mssql": {"timeout": 6},
}
"""What makes each database's driver give up on a server that does not answer."""
_TABLE = "experiments"


def is_database(uri: str) -> bool:
    """Whether a tracking URI names a database, not a server of MLflow's."""
    return scheme_of(uri) in CONNECT


def scheme_of(uri: str) -> str:
    """The kind of store, without the name of a driver."""
    return uri.split(":", 1)[0].split("+", 1)[0]


def sqlite_file(uri: str) -> Path:
    """The file that an SQLite URI names."""
    return Path(uri.removeprefix("sqlite:///"))


def check_database(uri: str, existing: bool) -> None:
    """Refuse a database before MLflow opens it, which would ask ten times and write to any database.

    Raises:
        UsageError: it is a directory, or holds other tables than MLflow's; with `existing`, it holds none.
        SQLAlchemyError: it cannot be reached or read.
        ImportError: its driver is not installed.
    """
    scheme = scheme_of(uri)
    if scheme not in CONNECT:
        return
    if scheme == "sqlite" and sqlite_file(uri).is_dir():
        raise UsageError(
            f"the tracking store {uri} is a directory: name a file in it, such as {uri}/mlflow.db"
        )
    tables = tables_of(uri)
    if tables and _TABLE not in tables:
        raise UsageError(
            f"the tracking store {uri} is a database of something else (its tables: "
            f"{', '.join(sorted(tables)[:5])}): name another by --tracking-uri"
        )
    if existing and (not tables or (scheme == "sqlite" and not _is_begun(sqlite_file(uri)))):
        raise UsageError(
            f"nothing has been recorded in {uri}: name the --storage or --tracking-uri of a sweep, or "
            "run platform.sweep first"
        )


def make_whole(uri: str) -> str:
    """Make the SQLite file of a tracking store where it is missing, or where it was left half made.

    One process makes it, others that come at the same time wait. A half-made file is one that no experiment
    was recorded in, not even the one that MLflow begins with; it is put aside under another name.

    Returns:
        What people should know; empty if there is nothing to say.

    Raises:
        OSError: the file or its lock cannot be written.
    """
    if scheme_of(uri) != "sqlite" or _is_begun(sqlite_file(uri)):
        return ""
    file = sqlite_file(uri)
    with locked(file.parent, f".{file.name}.lock"):
        if _is_begun(file):
            return ""
        note = ""
        if file.exists() and file.stat().st_size:
            aside = file.with_name(f"{file.name}.half-made")
            os.replace(file, aside)
            note = f"{file} was half made and had no runs: it is made anew, the old one is {aside}"
        with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
            os.replace(_whole_file(Path(folder)), file)
        return note


def _whole_file(folder: Path) -> Path:
    """A new SQLite file of MLflow's in that folder, complete and on the disk."""
    from mlflow import MlflowClient

    migrated, whole = folder / "migrated.db", folder / "whole.db"
    MlflowClient(f"sqlite:///{migrated}").search_experiments(max_results=1)
    with closing(sqlite3.connect(migrated)) as database:
        # A copy by SQLite itself has what open connections hold, and is a single file.
        database.execute("VACUUM INTO ?", (str(whole),))
    with whole.open("rb+") as file:
        os.fsync(file.fileno())
    return whole


def _is_begun(file: Path) -> bool:
    """Whether an SQLite file has experiments; MLflow makes the first one when all tables are there.

    Raises:
        sqlite3.DatabaseError: the file is no database.
    """
    if not file.exists() or not file.stat().st_size:
        return False
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=20)) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE name = ?", (_TABLE,))
        if names.fetchone() is None:
            return False
        return database.execute(f"SELECT 1 FROM {_TABLE} LIMIT 1").fetchone() is not None


def move_artifacts(file: Path, experiment: str, old: Path, new: Path) -> None:
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


def directory_of(artifact_uri: str) -> Path | None:
    """The directory that an artifact URI names; None where it is no directory of this machine."""
    parts = urlsplit(artifact_uri)
    if parts.scheme not in ("", "file"):
        return None
    return Path(unquote(parts.path) if parts.scheme else artifact_uri)


def _relative_place(artifact_uri: str | None, folder: Path) -> Path | None:
    """The place of an artifact URI within a folder; None where it is not within it."""
    place = directory_of(artifact_uri) if artifact_uri else None
    return place.relative_to(folder) if place and place.is_relative_to(folder) else None


def tables_of(uri: str) -> list[str]:
    """The names of the tables of a database; none where an SQLite file is not there.

    Raises:
        SQLAlchemyError: it cannot be reached or read.
        ImportError: its driver is not installed.
    """
    import sqlalchemy

    scheme = scheme_of(uri)
    if scheme == "sqlite" and not sqlite_file(uri).exists():
        return []
    engine = sqlalchemy.create_engine(uri, connect_args=CONNECT[scheme])
    try:
        return sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()
