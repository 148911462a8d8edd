"""A study in its files: Optuna's journal, and the log of finished trials that mends it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from platform.pipeline.trial_log import TrialLog, same
from platform.planning.study_names import DATABASE, JOURNAL, TRIALS
from typing import Literal

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from trainables.core.checked_files import put_aside
from trainables.core.errors import DamagedFileError
from trainables.core.files import move
from trainables.core.places import objects_of

_DIRECTIONS: tuple[Literal["maximize", "minimize"], ...] = ("maximize", "minimize")
_LONGEST_LINE = 2**20  # bytes of a line of a journal, which has hundreds
# What Optuna raises where operations of a journal are not what it wrote.
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    optuna.exceptions.OptunaError,
)


def open_stored(folder: Path, name: str) -> optuna.Study:
    """The study of that name in a folder, a new one where there is none. A journal that is damaged is put
    aside, with a warning, and made again of the log of its trials, which keep their numbers. In an object
    store there is no journal, but the log alone.
    """
    journal, log = folder / JOURNAL, TrialLog(folder / TRIALS)
    logged = log.trials()
    if objects_of(folder) is not None:
        return _new(None, name, logged)
    journal.parent.mkdir(parents=True, exist_ok=True)
    try:
        study = _study(journal, name, logged)
    except FileNotFoundError:
        study = _new(journal, name, logged)
    except DamagedFileError as error:
        put_aside(error, f"the study is made again of {TRIALS}")
        study = _new(journal, name, logged)
    log_finished(study, log, logged)
    return study


def log_finished(study: optuna.Study, log: TrialLog, logged: Mapping[int, FrozenTrial]) -> None:
    """Log the finished trials of a study that are not among those that are logged."""
    for trial in study.get_trials(deepcopy=False):
        if trial.state.is_finished() and trial.number not in logged:
            log.add(trial)


def read_stored(folder: Path, name: str) -> optuna.Study | None:
    """The study of that name in a folder, to be read: nothing is written. None where there is none."""
    logged = TrialLog(folder / TRIALS).trials()
    if objects_of(folder) is not None:
        return _new(None, name, logged) if logged else None
    try:
        return _study(folder / JOURNAL, name, logged)
    except FileNotFoundError:
        return _new(None, name, logged) if logged else None
    except DamagedFileError:
        return _new(None, name, logged)


def forget(folder: Path) -> None:
    """Rename a folder's study and its log, so that nothing that was finished is lost."""
    for name in (JOURNAL, DATABASE, TRIALS):
        number, file = 1, folder / name
        while (aside := file.with_name(f"{file.stem}.{number}{file.suffix}")).exists():
            number += 1
        if file.exists():
            move(file, aside)


def _study(journal: Path, name: str, logged: Mapping[int, FrozenTrial]) -> optuna.Study:
    """The study in a journal.

    Raises:
        FileNotFoundError: there is no journal.
        DamagedFileError: it cannot be read, or does not say what the log of its trials does.
    """
    if not journal.exists():
        raise FileNotFoundError(journal)
    try:
        _check_end(journal)
        study = optuna.load_study(study_name=name, storage=_storage(journal))
        trials = study.get_trials(deepcopy=False)
    except _UNREADABLE as error:
        raise DamagedFileError(journal, f"{type(error).__name__}: {error}") from error
    if (number := another(trials, logged)) is not None:
        raise DamagedFileError(journal, f"it has not trial {number} as it ended")
    return study


def another(trials: Sequence[FrozenTrial], logged: Mapping[int, FrozenTrial]) -> int | None:
    """The number of a logged trial that is missing among a study's trials, or is another there; None where
    there is none.
    """
    for number, trial in logged.items():
        if number >= len(trials) or not same(trials[number], trial):
            return number
    return None


def _check_end(journal: Path) -> None:
    """Refuse a journal whose last line is torn: Optuna reads past it, and fails once more is appended.

    Raises:
        ValueError: it is torn.
    """
    last = journal.read_bytes()[-_LONGEST_LINE:].splitlines(keepends=True)[-1:]
    for line in last:
        json.loads(line)
        if not line.endswith(b"\n"):
            raise ValueError("its last line is torn")


def _new(journal: Path | None, name: str, logged: Mapping[int, FrozenTrial]) -> optuna.Study:
    """A new study of logged trials, in memory where no journal is named."""
    return made_again(_storage(journal) if journal is not None else None, name, logged)


def made_again(
    storage: BaseStorage | None, name: str, logged: Mapping[int, FrozenTrial]
) -> optuna.Study:
    """A new study of logged trials in a storage, in memory where none is named. A trial that is not known
    takes its number as a failed one.
    """
    study = optuna.create_study(study_name=name, storage=storage, directions=_DIRECTIONS)
    for number in range(max(logged, default=-1) + 1):
        study.add_trial(logged.get(number) or create_trial(state=TrialState.FAIL))
    return study


def _storage(journal: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(journal)))
