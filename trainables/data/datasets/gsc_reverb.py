"""`gsc-reverb`: ten words of Google Speech Commands, each in a simulated room (paper, E.2).

torchaudio downloads and lists them; the sound files are read by libsndfile, as all are, since torchaudio
wants a codec library of its own for that.
"""

from __future__ import annotations

import http.client
import os
import tarfile
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from trainables.core.errors import UsageError, check_range
from trainables.data.audio import RATE
from trainables.data.speech.corpus import Source, limited
from trainables.data.speech.rooms import RoomOptions
from trainables.data.speech.words import Padding, ReverberatedWords

WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
_ARCHIVE = "speech_commands_v0.02.tar.gz"
_FOLDER = "SpeechCommands/speech_commands_v0.02"
_BROKEN = (RuntimeError, OSError, EOFError, zlib.error, tarfile.TarError, http.client.HTTPException)
_SUBSETS = {"train": "training", "validation": "validation", "test": "testing"}


@dataclass(frozen=True)
class Options:
    """Rooms, silence around a recording, the most recordings of a split (0: all), the seed."""

    room: RoomOptions = field(default_factory=RoomOptions)
    around: Padding = field(default_factory=lambda: Padding(0.0, 0.0))
    most: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_range("the most recordings of a split", self.most, 0, 10**9)


def corpus(root: Path, options: Options = Options()) -> ReverberatedWords:
    """What would be built from the archive unpacked in `root`, by its official lists; where it is not,
    it is downloaded (2.3 GB), or unpacked if it is there itself.

    Raises:
        UsageError: it cannot be had, or is not whole.
    """
    sources = limited(_listed(root), options.most, options.seed)
    return ReverberatedWords(
        "gsc-reverb", WORDS, sources, options.room, options.around, options.seed, RATE
    )


def _listed(root: Path) -> list[Source]:
    """Recordings of the ten words by torchaudio's reading of the layout; it opens no sound file."""
    from torchaudio.datasets import SPEECHCOMMANDS

    if not (root / _FOLDER).is_dir():
        _unpack(root)
    found = []
    for split, subset in _SUBSETS.items():
        try:
            listed = SPEECHCOMMANDS(root, subset=subset)
        except FileNotFoundError as error:
            raise UsageError(
                f"there is no file {error.filename}, which says what is for the test: unpack the "
                f"whole of {_ARCHIVE} in {root / _FOLDER}"
            ) from error
        for i in range(len(listed)):
            name, _, word, speaker, _ = listed.get_metadata(i)
            if word in WORDS:
                key = Path(name).relative_to(Path(_FOLDER).name).as_posix()
                path = root / _FOLDER / key
                found.append(Source(key, path, split, speaker, WORDS.index(word), word))
    if not found:
        raise UsageError(
            f"{root / _FOLDER} has no recordings of {', '.join(WORDS)}: unpack {_ARCHIVE} there"
        )
    return found


def _unpack(root: Path) -> None:
    """Put the archive's recordings where they are looked for, as a whole or not at all."""
    from torchaudio.datasets import SPEECHCOMMANDS

    packed, target = root / _ARCHIVE, root / _FOLDER
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".gsc-reverb.") as space:
            if packed.is_file():
                (Path(space) / _ARCHIVE).symlink_to(packed.absolute())
            SPEECHCOMMANDS(space, download=True)
            target.parent.mkdir(exist_ok=True)
            if not target.is_dir():  # another process may have been faster
                os.replace(Path(space) / _FOLDER, target)
    except _BROKEN as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        verb = "unpacked" if packed.is_file() else "downloaded"
        raise UsageError(
            f"gsc-reverb cannot be {verb} ({reason}): put {_ARCHIVE} (Google Speech Commands, version "
            f"2), whole, into {root}, or name the directory that has {_FOLDER} by --data-dir"
        ) from error
