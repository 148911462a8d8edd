"""A study in a database, which Optuna keeps by SQLAlchemy, and what the sweep's folder keeps of it: the name
that it has there, and the log of finished trials that mends it.

A database may be shared by many sweeps, also by the same sweep in two storages, which know nothing of each
other: the name of a study ends in letters of its own, which stand in the sweep's folder.
"""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from platform.backend.tracking_database import CONNECT, scheme_of, sqlite_file, tables_of
from platform.cli.failures import OutsideError, causes
from platform.pipeline.stored_study import another, log_finished, made_again
from platform.pipeline.trial_log import TrialLog
from platform.planning.locations import without_passwords
from platform.planning.study_names import DATABASE, TRIALS

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage

from trainables.core.checked_files import put_aside, read_checked_json, write_checked_json
from trainables.core.errors import DamagedFileError, DamageWarning, UsageError

_STUDY, _TABLE = "study", "studies"
_LONGEST_REASON = 200


def database(uri: str) -> RDBStorage:
    """The storage in a database, whose tables are made where there are none.

    Raises:
        UsageError: it cannot be opened, or is a database of something else.
    """
    check_database(uri)
    with _refusals(uri):
        # A connection that the server has closed meanwhile, as it does with those that are not used, is
        # noticed, and opened again.
        engine = {"connect_args": CONNECT[scheme_of(uri)], "pool_pre_ping": True}
        return RDBStorage(uri, engine)


def open_in_database(folder: Path, name: str, uri: str) -> optuna.Study:
    """The study of a sweep's folder in a database, a new one where there is none, whose name begins with
    `name`. One that the database has lost, or in which a finished trial is missing or is another, is made
    again of the log of its trials, which keep their numbers, with a warning. A study that was in the folder
    goes on in the database in the same way.

    Raises:
        UsageError: the database cannot be opened.
    """
    log = TrialLog(folder / TRIALS)
    logged, storage = log.trials(), database(uri)
    known, why = None, ""
    try:
        known = _known_name(folder)
    except DamagedFileError as error:
        put_aside(error, f"the study is made again of {TRIALS}")
    study = _loaded(storage, known) if known else None
    if known and study is None:
        why = f"there is no study {known!r}"
    elif study is not None:
        number = another(study.get_trials(deepcopy=False), logged)
        if number is not None:
            why, study = f"the study {known!r} has not trial {number} as it ended", None
    if why:
        warnings.warn(
            f"in {without_passwords(uri)} {why}: it is made again of the {len(logged)} trials in {TRIALS}",
            DamageWarning,
            stacklevel=2,
        )
    if study is None:
        study = made_again(storage, f"{name}/{secrets.token_hex(4)}", logged)
        folder.mkdir(parents=True, exist_ok=True)
        write_checked_json(folder / DATABASE, {_STUDY: study.study_name})
    log_finished(study, log, logged)
    return study


def read_in_database(folder: Path, name: str, uri: str) -> optuna.Study | None:
    """The study of a sweep's folder, to be read: as it is in the database, or as it would be made again.
    Nothing is written. None where there is none.

    Raises:
        UsageError: the database cannot be opened.
    """
    logged, is_made = TrialLog(folder / TRIALS).trials(), bool(check_database(uri))
    try:
        known = _known_name(folder)
    except DamagedFileError:
        known = None
    study = _loaded(database(uri), known) if known and is_made else None
    if study is not None and another(study.get_trials(deepcopy=False), logged) is None:
        return study
    return made_again(None, name, logged) if logged else None


@contextmanager
def failures_told(uri: str) -> Iterator[None]:
    """Within it, a failure of a database that was opened becomes one of one line; libraries raise errors of
    their own from it.

    Raises:
        OutsideError: the database has failed.
    """
    try:
        yield
    except Exception as error:
        failed = next((one for one in causes(error) if isinstance(one, StorageInternalError)), None)
        if failed is None:
            raise
        reason = _reason(failed.__cause__ or failed)
        raise OutsideError(f"the study's database {uri} has failed ({reason})") from error


def _known_name(folder: Path) -> str | None:
    """The name by which a database has the study of a folder; None where none has it.

    Raises:
        DamagedFileError: the file that says so is damaged.
    """
    file = folder / DATABASE
    name: str | None = read_checked_json(file)[_STUDY] if file.exists() else None
    return name


def _loaded(storage: RDBStorage, name: str) -> optuna.Study | None:
    """The study of that name; None where there is none."""
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None


def check_database(uri: str) -> list[str]:
    """Look at a database before Optuna opens it, which would write its tables to any; returns the names of
    its tables.

    Raises:
        UsageError: it cannot be read, or holds other tables than Optuna's.
    """
    with _refusals(uri):
        if scheme_of(uri) == "sqlite" and sqlite_file(uri).is_dir():
            raise IsADirectoryError("it is a directory")
        tables = tables_of(uri)
    if tables and _TABLE not in tables:
        raise UsageError(
            f"--study-uri {uri} is a database of something else (its tables: "
            f"{', '.join(sorted(tables)[:5])}): name one of its own for studies"
        )
    return tables


@contextmanager
def _refusals(uri: str) -> Iterator[None]:
    """Within it, what keeps a database from being opened becomes one line.

    Raises:
        UsageError: it cannot be opened.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ImportError as error:
        extra = "pip install -c constraints.txt -e '.[postgresql]'"
        advice = extra if uri.startswith("postgresql+psycopg2") else "install that"
        raise UsageError(
            f"--study-uri {uri} wants a package that is not installed ({_reason(error)}): {advice}"
        ) from error
    except (SQLAlchemyError, StorageInternalError, RuntimeError, OSError) as error:
        raise UsageError(
            f"--study-uri {uri} cannot be opened ({_reason(error)}): start it, or name another"
        ) from error


def _reason(error: BaseException) -> str:
    """Why a database failed, in a line."""
    return " ".join(str(error).split("\n[SQL")[0].split("\n(Background")[0].split())[
        :_LONGEST_REASON
    ]
