"""A sweep that is to run elsewhere: the words and the environment it is given there, and what of it can be
checked here.

Paths are those of the cluster's nodes, so that none is looked for on this machine. Nothing here imports
torch, Ray or MLflow before it is known that the words are right.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from platform.cli.flags import EVERY, sweep_parser
from platform.cli.plans import check_words, plans_of, strategies_of
from platform.planning.checkpoints import USUAL_WHISPER, whisper_of
from platform.planning.locations import (
    TRACKING_VARIABLE,
    absolute_path,
    local_storage,
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
    """The words that `platform.sweep` is given on the cluster. Its tracking store, where that is a server or
    a database, is named by the environment: others see command lines.
    """
    return sweep_parser().words_of(_on_cluster(namespace))


def sweep_environment(
    namespace: argparse.Namespace, environment: Mapping[str, str]
) -> dict[str, str]:
    """The variables that the sweep is given: the tracking store, unless it is a file that a flag names, and
    what MLflow's client must tell that server; nothing else of this machine's environment.
    """
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
    uri = there.tracking_uri or ""
    is_sqlite = uri.startswith(_SQLITE)
    there.tracking_uri = (
        f"{_SQLITE}{absolute_path(uri.removeprefix(_SQLITE))}" if is_sqlite else None
    )
    return there


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
    if uri.startswith(_SQLITE):
        return f"{_SQLITE}{absolute_path(uri.removeprefix(_SQLITE))}"
    return tracking_uri(uri, local_storage(namespace.storage), {})


def _if_here(path: str | None) -> str | None:
    """A path that there is on this machine."""
    return path if path is not None and absolute_path(path).exists() else None


def _check_without_files(namespace: argparse.Namespace) -> None:
    """Refuse a strategy or a corruption that is not for the dataset's kind of signals."""
    kind = "speech" if datasets.must_be_built(namespace.dataset) else "image"
    if namespace.strategy != EVERY:
        check_strategy(namespace.strategy, kind)
    if kind == "image" and namespace.corruption not in (None, *corruptions.names()):
        raise unknown_name("corruption", namespace.corruption, corruptions.names())
