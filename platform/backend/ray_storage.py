"""A storage as Ray Train and Ray Tune are told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainables.core.places import object_name, objects_of


def ray_storage(folder: Path) -> dict[str, Any]:
    """Ray's settings for what it keeps in a folder of the storage. Objects are reached by the file system by
    which all others are, so credentials and endpoint come from one place.
    """
    if (objects := objects_of(folder)) is None:
        return {"storage_path": str(folder)}
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    path = object_name(folder)
    return {"storage_path": path, "storage_filesystem": PyFileSystem(FSSpecHandler(objects))}
