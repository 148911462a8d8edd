"""Files of JSON lines that are only ever added to, each with its checksum: damage costs its line alone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainables.core.checked_files import CHECKSUM
from trainables.core.config import digest


def add_line(file: Path, values: Mapping[str, Any]) -> None:
    """Add a line; it is on the disk when this returns."""
    add_lines(file, [values])


def add_lines(file: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Add lines; they are on the disk when this returns."""
    with file.open("ab") as content:
        # A line that was torn off before is ended, so that it does not spoil these.
        content.write((b"" if _ends_a_line(file) else b"\n") + b"".join(map(_line, lines)))
        content.flush()
        os.fsync(content.fileno())


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The values of the whole lines, in order, without checksums; none where there is no file."""
    if not file.exists():
        return []
    lines = map(_checked, file.read_bytes().split(b"\n"))
    return [values for values in lines if values is not None]


def _line(values: Mapping[str, Any]) -> bytes:
    """A line with its checksum."""
    plain = json.loads(json.dumps(dict(values)))  # as it is read again
    return json.dumps({**plain, CHECKSUM: digest(plain)}).encode() + b"\n"


def _checked(line: bytes) -> dict[str, Any] | None:
    """The values of a line; None where it is not what was written."""
    try:
        values = json.loads(line.decode())
    except (ValueError, RecursionError):  # of JSON, and of bytes that are no text
        return None
    if not isinstance(values, dict):
        return None
    checksum = values.pop(CHECKSUM, None)
    try:
        return values if checksum == digest(values) else None
    except ValueError:  # NaN, which is never written
        return None


def _ends_a_line(file: Path) -> bool:
    """Whether a file is empty, or its last line has its end."""
    size = file.stat().st_size
    if not size:
        return True
    with file.open("rb") as content:
        content.seek(size - 1)
        return content.read(1) == b"\n"
