"""A sweep that is to run elsewhere: the words and the environment it is given there, and what of it can be
checked here.

Paths are those of the cluster's nodes, so that none is looked for on this machine. Nothing here imports
torch, Ray or MLflow before it is known that the words are right.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from platform.cli.flags import sweep_parser
from platform.cli.plans import check_words, plans_of, strategies_of
from platform.planning.checkpoints import USUAL_WHISPER, whisper_of
from platform.planning.locations import (
    OWN_STUDY,
    STUDY_VARIABLE,
    TRACKING_VARIABLE,
    absolute_path,
    local_storage,
    study_uri,
    tracking_uri,
)
from platform.planning.setup import check_strategy, setup_of

from trainables.core.errors import UsageError, unknown_name
from trainables.core.places import is_uri
from trainables.data import corruptions, datasets
from trainables.models.speech.whisper.config import SIZES

_SQLITE = "sqlite:///"
_CREDENTIALS = {
    "http": ("USERNAME", "PASSWORD", "TOKEN", "INSECURE_TLS"),
    "https": ("USERNAME", "PASSWORD", "TOKEN", "INSECURE_TLS"),
}
"""Of each scheme of a tracking URI, the variables `MLFLOW_TRACKING_…` that MLflow's client asks for."""


def check_here(namespace: argparse.Namespace) -> None:
    """Refuse names and numbers that no sweep can have, which are seen at once.

    Raises:
        UsageError: one is.
    """
    words = strategies_of(namespace, searched=True)
    check_words(namespace, strategy=words[0])
    _on_cluster(namespace)
    _tracking_uri(namespace, {})
    _study_uri(namespace, {})


def check_sweep(namespace: argparse.Namespace, empty_folder: Path) -> bool:
    """Refuse a sweep that no cluster could run: its plan is made here, in a storage that stays empty.

    Returns whether all of it was checked. A dataset that says only in its files what it is, and whose files
    are not on this machine, leaves something to the sweep itself.

    Args:
        namespace: the values of the flags.
        empty_folder: a directory that stands for the storage.

    Raises:
        UsageError: the sweep is not possible.
    """
    local = argparse.Namespace(**vars(namespace))
    local.storage, local.tracking_uri = str(empty_folder), f"{_SQLITE}{empty_folder / 'mlflow.db'}"
    local.study_uri = OWN_STUDY
    local.data_dir = _if_here(namespace.data_dir)
    local.sgmse = _if_here(namespace.sgmse)
    if namespace.whisper not in SIZES:
        local.whisper = _if_here(namespace.whisper) or USUAL_WHISPER
    try:
        plans = plans_of(local, searched=True)
    except UsageError:
        if local.data_dir is not None:
            raise
        _check_without_files(namespace)
        return False
    for plan in plans:
        setup_of(plan)
    return True


def sweep_words(namespace: argparse.Namespace) -> list[str]:
    """The words that `platform.sweep` is given on the cluster. Its tracking store and the database of its
    study, where they are no files, are named by the environment: others see command lines.
    """
    return sweep_parser().words_of(_on_cluster(namespace))


def sweep_environment(
    namespace: argparse.Namespace, environment: Mapping[str, str]
) -> dict[str, str]:
    """The variables that the sweep is given: the tracking store and the study's database, unless they are
    files that flags name, and what MLflow's client must tell that server; nothing else of this machine's
    environment.
    """
    study = _study_uri(namespace, environment)
    return {
        **_tracking_variables(namespace, environment),
        **({STUDY_VARIABLE: study} if study else {}),
    }


def _tracking_variables(
    namespace: argparse.Namespace, environment: Mapping[str, str]
) -> dict[str, str]:
    uri = _tracking_uri(namespace, environment)
    if not uri:
        return {}
    names = [f"MLFLOW_TRACKING_{name}" for name in _CREDENTIALS.get(uri.split(":")[0], ())]
    return {TRACKING_VARIABLE: uri} | {
        name: environment[name] for name in names if environment.get(name)
    }


def _on_cluster(namespace: argparse.Namespace) -> argparse.Namespace:
    """The values with absolute paths: the sweep runs in another directory."""
    there = argparse.Namespace(**vars(namespace))
    there.storage = storage_there(there.storage)
    for name in ("data_dir", "sgmse", "json"):
        if getattr(there, name) is not None:
            setattr(there, name, str(absolute_path(getattr(there, name))))
    if there.whisper not in SIZES:
        is_file = "/" in there.whisper or absolute_path(there.whisper).is_file()
        there.whisper = str(absolute_path(there.whisper)) if is_file else whisper_of(there.whisper)
    there.tracking_uri = _absolute_file(there.tracking_uri)
    if there.study_uri != OWN_STUDY:
        there.study_uri = _absolute_file(there.study_uri)
    return there


def _absolute_file(uri: str | None) -> str | None:
    """The URI of an SQLite file with its absolute path; None for any other."""
    if uri is None or not uri.startswith(_SQLITE):
        return None
    return f"{_SQLITE}{absolute_path(uri.removeprefix(_SQLITE))}"


def storage_there(argument: str) -> str:
    """The storage as the cluster's nodes see it: the absolute path of a directory, or a URI."""
    return argument if is_uri(argument) else str(absolute_path(argument))


def _tracking_uri(namespace: argparse.Namespace, environment: Mapping[str, str]) -> str:
    """The tracking URI that the environment is to name; empty where it is a file.

    Raises:
        UsageError: MLflow cannot record to it.
    """
    uri = namespace.tracking_uri or environment.get(TRACKING_VARIABLE) or ""
    if not uri or (namespace.tracking_uri or "").startswith(_SQLITE):
        return ""
    return _absolute_file(uri) or tracking_uri(uri, local_storage(namespace.storage), {})


def _study_uri(namespace: argparse.Namespace, environment: Mapping[str, str]) -> str:
    """The URI of the study's database that the environment is to name; empty where a flag names a file, and
    where there is none.

    Raises:
        UsageError: Optuna keeps no studies in such a place.
    """
    named, uri = namespace.study_uri or "", environment.get(STUDY_VARIABLE)
    if named.startswith(_SQLITE):
        return ""
    given = named or uri
    return _absolute_file(given) or study_uri(given, local_storage(namespace.storage), {})


def _if_here(path: str | None) -> str | None:
    """A path that there is on this machine."""
    return path if path is not None and absolute_path(path).exists() else None


def _check_without_files(namespace: argparse.Namespace) -> None:
    """Refuse a strategy or a corruption that is not for the dataset's kind of signals."""
    answers = datasets.answers(namespace.dataset)
    for strategy in strategies_of(namespace, searched=True):
        check_strategy(strategy, answers)
    if answers == "image" and namespace.corruption not in (None, *corruptions.names()):
        raise unknown_name("corruption", namespace.corruption, corruptions.names())
