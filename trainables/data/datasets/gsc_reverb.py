"""`gsc-reverb`: ten words of Google Speech Commands, each in a simulated room (paper, E.2).

torchaudio downloads and lists them; libsndfile reads the sound files, as those of all datasets, since
torchaudio needs another codec library for that.
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


CORRUPTIONS = {
    "reverb": Options(),
    "reverb-far": Options(RoomOptions(distance=(2.5, 5.0))),
    "reverb-long": Options(RoomOptions(rt60=(0.8, 1.2))),
}


def corpus(root: Path, options: Options = Options()) -> ReverberatedWords:
    """The corpus of the archive unpacked in `root`, split by its official lists.

    Where it is not unpacked, the archive is downloaded (2.3 GB) unless it is in `root`, and unpacked.

    Raises:
        UsageError: the archive cannot be downloaded or unpacked, or is not complete.
    """
    sources = limited(_recordings(root), options.most, options.seed)
    return ReverberatedWords(
        "gsc-reverb", WORDS, sources, options.room, options.around, options.seed, RATE
    )


def _recordings(root: Path) -> list[Source]:
    """Recordings of the ten words, listed by torchaudio without opening a sound file.

    Raises:
        UsageError: a list is missing, or there are no recordings.
    """
    from torchaudio.datasets import SPEECHCOMMANDS

    if not (root / _FOLDER).is_dir():
        _unpack(root)
    recordings = []
    for split, subset in _SUBSETS.items():
        try:
            listing = SPEECHCOMMANDS(root, subset=subset)
        except FileNotFoundError as error:
            raise UsageError(
                f"there is no file {error.filename}, which says what is for the test: unpack the "
                f"whole of {_ARCHIVE} in {root / _FOLDER}"
            ) from error
        for i in range(len(listing)):
            name, _, word, speaker, _ = listing.get_metadata(i)
            if word in WORDS:
                key = Path(name).relative_to(Path(_FOLDER).name).as_posix()
                path = root / _FOLDER / key
                recordings.append(Source(key, path, split, speaker, WORDS.index(word), word))
    if not recordings:
        raise UsageError(
            f"{root / _FOLDER} has no recordings of {', '.join(WORDS)}: unpack {_ARCHIVE} there"
        )
    return recordings


def _unpack(root: Path) -> None:
    """Unpack the archive into `root`, as a whole or not at all, after downloading it if it is missing.

    Raises:
        UsageError: that fails.
    """
    from torchaudio.datasets import SPEECHCOMMANDS

    archive, target = root / _ARCHIVE, root / _FOLDER
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".gsc-reverb.") as temporary:
            if archive.is_file():
                (Path(temporary) / _ARCHIVE).symlink_to(archive.absolute())
            SPEECHCOMMANDS(temporary, download=True)
            target.parent.mkdir(exist_ok=True)
            if not target.is_dir():  # another process may have unpacked it meanwhile
                os.replace(Path(temporary) / _FOLDER, target)
    except _BROKEN as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        verb = "unpacked" if archive.is_file() else "downloaded"
        raise UsageError(
            f"gsc-reverb cannot be {verb} ({reason}): put {_ARCHIVE} (Google Speech Commands, version "
            f"2), whole, into {root}, or name the directory that has {_FOLDER} by --data-dir"
        ) from error
