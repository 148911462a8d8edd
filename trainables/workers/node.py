"""What a node of the Ray cluster is like, told by a task that runs on it.

The modules that a trial imports are not loaded for it: on a node that lacks one it must say so.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from trainables.core.files import read_whole
from trainables.core.places import is_uri, place

LISTED = 1000
"""How many entries of a directory are compared at most."""


@dataclass(frozen=True)
class Places:
    """What all nodes must see.

    Args:
        storage: the storage, which all nodes write to.
        marker: the name of a file in it that the driver has just written.
        marked: what is in that file.
        paths: other files and directories, which all nodes read.
    """

    storage: str
    marker: str
    marked: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeReport:
    """What a node is like.

    Args:
        host: its name.
        python: the version of Python.
        releases: the versions of packages by name, without what they were built for; None for one that is not
            installed.
        storage_fault: what is the matter with the storage, empty where nothing is.
        entries: for each of the paths, the first names in it in alphabetical order, none for a file; None
            where the node does not see it.
    """

    host: str
    python: str
    releases: dict[str, str | None]
    storage_fault: str
    entries: dict[str, tuple[str, ...] | None]


def node_report(packages: Sequence[str], places: Places) -> NodeReport:
    """The report of the node that this runs on.

    Args:
        packages: names of packages whose versions are wanted.
        places: what the node should see.
    """
    return NodeReport(
        host=socket.gethostname(),
        python=".".join(map(str, sys.version_info[:3])),
        releases={name: _release(name) for name in packages},
        storage_fault=_storage_fault(places),
        entries={path: _entries(Path(path)) for path in places.paths},
    )


def _release(name: str) -> str | None:
    """A package's version, None where it is not installed or is broken off; `2.14.1+cpu` is the same release
    as `2.14.1+cu130`.
    """
    try:
        version: str | None = metadata.version(name)  # None where its description is empty
    except metadata.PackageNotFoundError:
        return None
    return version.partition("+")[0] if version else None


def _storage_fault(places: Places) -> str:
    """What is the matter with the storage here: it is another directory, or cannot be written to; an object
    store is another, or cannot be read.
    """
    if is_uri(places.storage):
        return _object_fault(places)
    storage = Path(places.storage)
    if not storage.is_dir():
        return "is not there"
    try:
        if (storage / places.marker).read_text() != places.marked:
            return "is another directory there"
        with tempfile.TemporaryFile(dir=storage):
            return ""
    except FileNotFoundError:
        return "is another directory there"
    except OSError as error:
        return f"cannot be used there ({error.strerror or error})"


def _object_fault(places: Places) -> str:
    """What is the matter with an object store here: its client is missing, has no credentials, ..."""
    try:
        seen = read_whole(place(places.storage) / places.marker).decode()
    except (OSError, ValueError) as error:
        return f"cannot be read there ({error})"
    except Exception as error:  # whatever an object store's client raises of its own
        return f"cannot be reached there ({type(error).__name__}: {error})"
    return "" if seen == places.marked else "is another object store there"


def _entries(path: Path) -> tuple[str, ...] | None:
    """The first names in a directory, none of a file; None where the path is not there or is closed."""
    try:
        names = sorted(os.listdir(path)) if path.is_dir() else []
    except OSError:
        return None
    return tuple(names[:LISTED]) if path.exists() else None
