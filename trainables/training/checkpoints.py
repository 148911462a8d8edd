"""Checkpoints of trainings, with checksums: the newest whole one is gone on from, and damaged ones are seen.

Each is a folder whose name begins with `checkpoint_` and sorts by its time, as Ray Train makes them. Ray's
own list of them is not needed, and not trusted.
"""

from __future__ import annotations

import io
from pathlib import Path

import torch

from trainables.core.checked_files import (
    put_aside,
    read_checked_json,
    sha256,
    write_checked_json,
)
from trainables.core.errors import DamagedFileError
from trainables.core.files import read_whole, remove_folder, write_whole

_STATE, _FACTS = "state.pt", "state.json"
_ASIDE = ".damaged-"


def save_state(folder: Path, state: object) -> None:
    """Write a training's state into a checkpoint's folder."""
    content = io.BytesIO()
    torch.save(state, content)
    write_whole(folder / _STATE, content.getvalue())
    write_checked_json(folder / _FACTS, {"sha256": sha256(content.getvalue())})


def newest_state(folder: Path, device: torch.device) -> object:
    """The newest whole state among the checkpoints in a training's folder; None where there is none."""
    for checkpoint in _newest_first(folder):
        try:
            content = io.BytesIO(_content(checkpoint))
        except DamagedFileError:
            continue
        state: object = torch.load(content, map_location=device, weights_only=True)
        return state
    return None


def put_damaged_aside(folder: Path) -> None:
    """Put those checkpoints of a training aside that are damaged, each with a warning."""
    for checkpoint in _newest_first(folder):
        try:
            _content(checkpoint)
        except DamagedFileError as error:
            put_aside(DamagedFileError(checkpoint, error.reason), "the one before it is taken")


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a training that has ended; what was put aside stays."""
    for checkpoint in _newest_first(folder):
        remove_folder(checkpoint)


def _newest_first(folder: Path) -> list[Path]:
    checkpoints = [one for one in folder.glob("checkpoint_*") if one.is_dir()]
    return sorted((one for one in checkpoints if _ASIDE not in one.name), reverse=True)


def _content(checkpoint: Path) -> bytes:
    """The bytes of a checkpoint's state.

    Raises:
        DamagedFileError: they are not what was written.
    """
    try:
        facts = read_checked_json(checkpoint / _FACTS)
        content = read_whole(checkpoint / _STATE)
    except FileNotFoundError as error:
        raise DamagedFileError(checkpoint, "it is not whole") from error
    if facts.get("sha256") != sha256(content):
        raise DamagedFileError(checkpoint / _STATE, "it has another checksum than was written")
    return content
