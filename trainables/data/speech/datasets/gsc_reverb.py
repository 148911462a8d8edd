"""`gsc-reverb`: ten words of Google Speech Commands, each in a simulated room (paper, E.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trainables.data.speech.audio import RATE
from trainables.data.speech.build import Progress, build, quiet
from trainables.data.speech.datasets._words import Around, ReverberatedWords
from trainables.data.speech.recipe import Source, limited
from trainables.data.speech.rooms import RoomOptions
from trainables.data.speech.splits import SpeechDataset
from trainables.errors import UsageError, check_range

WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
_ARCHIVE = "speech_commands_v0.02.tar.gz"
_FOLDER = "SpeechCommands/speech_commands_v0.02"
_SUBSETS = {"train": "training", "validation": "validation", "test": "testing"}


@dataclass(frozen=True)
class Options:
    """Rooms, silence around a recording, the most recordings of a split (0: all), the seed."""

    room: RoomOptions = field(default_factory=RoomOptions)
    around: Around = field(default_factory=lambda: Around(0.0, 0.0))
    most: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_range("the most recordings of a split", self.most, 0, 10**9)


def recipe(root: Path, options: Options = Options()) -> ReverberatedWords:
    """What would be built from the archive unpacked in `root`, by its official lists.

    Raises:
        UsageError: it is not there, or not whole.
    """
    sources = limited(_listed(root), options.most, options.seed)
    return ReverberatedWords(
        "gsc-reverb", WORDS, sources, options.room, options.around, options.seed, RATE
    )


def load(
    root: Path,
    cache: Path,
    options: Options = Options(),
    progress: Progress = quiet,
) -> SpeechDataset:
    """The dataset, built in `cache` where it is not yet.

    Raises:
        UsageError: the archive is not there, or a split has no usable recording.
    """
    return build(recipe(root, options), cache, progress)


def _listed(root: Path) -> list[Source]:
    """Recordings of the ten words by torchaudio's reading of the layout; it opens no sound file."""
    from torchaudio.datasets import SPEECHCOMMANDS

    if not (root / _FOLDER).is_dir():
        raise UsageError(
            f"there is no directory {root / _FOLDER}: download {_ARCHIVE} (Google Speech Commands, "
            "version 2) and unpack it there"
        )
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
