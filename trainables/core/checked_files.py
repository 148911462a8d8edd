"""Files whose damage is seen: a checksum in what is written, checked whenever it is read.

Disks and networks flip bits, copies are cut short. What is damaged is put aside under another name with a
warning that names it, and is then missing like any file that was never written: it is made anew where it can
be.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainables.core.config import digest
from trainables.core.errors import DamagedFileError, DamageWarning
from trainables.core.files import move, read_whole, write_json

CHECKSUM = "checksum"
"""The key of a JSON file's checksum, of all else that is in it."""


def sha256(content: bytes) -> str:
    """The checksum of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def write_checked_json(path: Path, values: Mapping[str, object]) -> None:
    """Write JSON with its checksum, whole or not at all.

    Raises:
        ValueError: a number in it is NaN or infinite.
    """
    # As they are read again: tuples have become lists, keys texts.
    read_again = json.loads(json.dumps(dict(values), allow_nan=False))
    write_json(path, {**read_again, CHECKSUM: digest(read_again, 32)})


def read_checked_json(path: Path) -> dict[str, Any]:
    """What `write_checked_json` wrote, without the checksum.

    Raises:
        DamagedFileError: it is not what was written.
        OSError: it cannot be read.
    """
    return checked(path, read_json(path))


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file, with the checksum that it may have.

    Raises:
        DamagedFileError: it holds no JSON object.
        OSError: it cannot be read.
    """
    try:
        values = json.loads(read_whole(path).decode())
    except ValueError as error:  # of JSON, and of bytes that are no text
        raise DamagedFileError(path, str(error)) from error
    if not isinstance(values, dict):
        raise DamagedFileError(path, "it holds no JSON object")
    return values


def checked(path: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """What was read from a file, without its checksum, which must be right.

    Raises:
        DamagedFileError: the checksum is missing or another.
    """
    rest = {key: value for key, value in values.items() if key != CHECKSUM}
    if values.get(CHECKSUM) != digest(rest, 32):
        raise DamagedFileError(path, "its checksum is another than was written")
    return rest


def put_aside(error: DamagedFileError, then: str) -> Path:
    """Rename a damaged file, or the folder that is worth nothing without it, and warn; returns its new path.

    Args:
        error: which file, and what is the matter with it.
        then: what will be done in its place, in words, such as "it is measured again".
    """
    number = 1
    while (aside := error.path.with_name(f"{error.path.name}.damaged-{number}")).exists():
        number += 1
    move(error.path, aside)
    warnings.warn(
        f"{error}; it is put aside as {aside.name}, and {then}", DamageWarning, stacklevel=2
    )
    return aside
