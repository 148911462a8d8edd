"""Where a storage is: a directory, or an object store that is named by a URI such as `s3://bucket/runs`.

What all machines share (parts, checkpoints, records, what a sweep has found) lies in the storage itself, and
is read and written by its `place`, which is a path in both. What a machine has for itself (data and what is
made of them, logs as they grow) lies in its `workspace`: the storage, where that is a directory. Credentials
and endpoint of an object store are named by its own environment variables, such as `AWS_ENDPOINT_URL`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from trainables.core.config import digest
from trainables.core.errors import UsageError

_FOLDER = "coupled-diffusion"
_INSTALL = "pip install -c constraints.txt -e '.[s3]'"


def is_uri(root: str) -> bool:
    """Whether a storage is an object store."""
    return "://" in root


def place(root: str) -> Path:
    """The path of a storage, or of something in it. That of an object store is no `pathlib.Path`, but has
    what is used of one, and `fs`, its file system; listings are not cached, as others write there too.

    Raises:
        UsageError: the package is missing that knows such URIs, or none does.
    """
    if not is_uri(root):
        return Path(root)
    scheme = urlsplit(root).scheme
    try:
        from upath import UPath

        path = UPath(root, use_listings_cache=False)
        path.fs.protocol  # noqa: B018  # made when it is first asked for
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"--storage {root} needs what knows {scheme}:// ({error}): {_INSTALL}, or fsspec's package for it"
        ) from error
    return cast(Path, path)


def workspace(root: str) -> Path:
    """The directory of what a machine has of a storage for itself: the storage, or for an object store one in
    the user's cache directory.
    """
    if not is_uri(root):
        return Path(root)
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / _FOLDER / f"{urlsplit(root).netloc}-{digest(root)}"


def objects_of(path: Path) -> Any:
    """The file system (fsspec's) of a path in an object store; None for a path of this machine."""
    return None if isinstance(path, Path) else path.fs


def object_name(path: Path) -> str:
    """The name of a path in an object store, as its file system (`objects_of`) takes it: bucket and key."""
    name: str = cast(Any, path).path  # of a UPath, see `place`
    return name
