"""WHAM!'s noises in both published layouts, by the splits of WHAM! (Wichern et al. 2019).

- `high_res_wham`, 48 kHz, the one that the EARS benchmark mixes with: uncut recordings in `audio/`, whose
  splits are the column `WHAM! Split` of `high_res_metadata.csv`. It lies in `WHAM48kHz/`, where the
  benchmark's download puts it, or in the directory itself.
- `wham_noise`, 16 kHz: recordings cut for WHAM!'s mixtures in `tr/`, `cv/` and `tt/`, with nothing above
  8 kHz.

Where both are there the one of 48 kHz is used, as EARS is of 48 kHz too.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from trainables.core.errors import UsageError
from trainables.data.audio import RATE
from trainables.data.dataset import SPLITS
from trainables.data.speech.corpus import files_below

HIGH_RESOLUTION, SEGMENTED = "high_res_wham", "wham_noise"
_HIGH_RESOLUTION_RATE = 48_000
_PARENT = "WHAM48kHz"  # of HIGH_RESOLUTION, where the EARS benchmark downloads it
_METADATA = "high_res_metadata.csv"
_SPLIT, _FILE = "WHAM! Split", "Filename"  # columns of the metadata
_FOLDERS = {"train": "tr", "validation": "cv", "test": "tt"}
_VALUES = {"train": "train", "valid": "validation", "test": "test"}


@dataclass(frozen=True)
class WhamNoises:
    """The noises of one release.

    Args:
        release: HIGH_RESOLUTION or SEGMENTED.
        rate: Hz of the files.
        files: those of each of SPLITS; no file is in two.
        note: which release is used, in a sentence, where the other is there too.
    """

    release: str
    rate: int
    files: dict[str, tuple[Path, ...]]
    note: str = ""


def wham_noises(root: Path) -> WhamNoises:
    """The noises in `root`, those of 48 kHz where they are there.

    Raises:
        UsageError: there is neither release, or the one that is used is not as it was published.
    """
    segmented = root / SEGMENTED
    folders = (root / _PARENT / HIGH_RESOLUTION, root / HIGH_RESOLUTION)
    high = next((folder for folder in folders if folder.is_dir()), None)
    if high is not None:
        note = f"noises are of {high} (48 kHz), not of {segmented} (16 kHz), which is there too"
        files = _by_metadata(high)
        return WhamNoises(
            HIGH_RESOLUTION, _HIGH_RESOLUTION_RATE, files, note if segmented.is_dir() else ""
        )
    if segmented.is_dir():
        return WhamNoises(SEGMENTED, RATE, _by_folder(segmented))
    raise UsageError(
        f"there are no noises of WHAM! in {root}: unpack {HIGH_RESOLUTION}.zip (48 kHz, as the EARS "
        f"benchmark does) in {root / _PARENT}, or {SEGMENTED}.zip (16 kHz) in {root}"
    )


def _by_metadata(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Files in `audio/` by the split that the metadata give them. Those that are in no split are not
    used; those that are listed, but not there, neither: a part of the release will do.
    """
    metadata = folder / _METADATA
    if not metadata.is_file():
        raise UsageError(
            f"there is no file {metadata}, which says what split a noise is of: unpack "
            f"{HIGH_RESOLUTION}.zip again"
        )
    with metadata.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = {_SPLIT, _FILE} - set(reader.fieldnames or ())
        if missing:
            raise UsageError(
                f"{metadata} has no column {sorted(missing)[0]!r}: unpack {HIGH_RESOLUTION}.zip again"
            )
        rows = [(row[_SPLIT] or "", row[_FILE] or "") for row in reader]
    files: dict[str, set[Path]] = {split: set() for split in SPLITS}
    for value, name in rows:
        split, path = _VALUES.get(value.strip().lower()), folder / "audio" / name
        if split is not None and path.is_file():
            files[split].add(path)
    for split in SPLITS:
        if not files[split]:
            raise UsageError(
                f"there are no noises of the {split} split in {folder / 'audio'}: unpack "
                f"{HIGH_RESOLUTION}.zip again, so that files named in {_METADATA} are there"
            )
    return {split: tuple(sorted(paths)) for split, paths in files.items()}


def _by_folder(folder: Path) -> dict[str, tuple[Path, ...]]:
    files = {split: tuple(files_below(folder / name)) for split, name in _FOLDERS.items()}
    for split, paths in files.items():
        if not paths:
            raise UsageError(
                f"there are no noises in {folder / _FOLDERS[split]}: unpack WHAM!'s {SEGMENTED}.zip in "
                f"{folder.parent}, so that there are {SEGMENTED}/tr, cv and tt"
            )
    return files
