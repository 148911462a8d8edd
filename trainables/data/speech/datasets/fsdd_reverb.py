"""`fsdd-reverb`: spoken digits, each in a simulated room."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trainables.core.progress import Progress, quiet
from trainables.data.datasets import _fsdd
from trainables.data.datasets._words import Around, ReverberatedWords
from trainables.data.speech.builder import build
from trainables.data.speech.rooms import RoomOptions
from trainables.data.speech.waveforms import SpeechDataset

# Metres. Whisper-base mistakes 4 of 100 clean digits, 17 of them here, but only a few more than clean
# from 1 to 2.5 m, where there would be little to restore.
DISTANCE = (2.5, 5.0)


@dataclass(frozen=True)
class Options:
    """Rooms, silence around a word, the speakers held out for the test, and the seed of all draws."""

    room: RoomOptions = field(default_factory=lambda: RoomOptions(distance=DISTANCE))
    around: Around = field(default_factory=Around)
    test_speakers: tuple[str, ...] = _fsdd.TEST_SPEAKERS
    seed: int = 0


def recipe(root: Path, options: Options = Options()) -> ReverberatedWords:
    """What would be built from the recordings in `root`.

    Raises:
        UsageError: `root` is not laid out as it must be.
    """
    sources = _fsdd.sources(root, options.test_speakers)
    return ReverberatedWords(
        "fsdd-reverb", _fsdd.WORDS, sources, options.room, options.around, options.seed, _fsdd.RATE
    )


def load(
    root: Path,
    cache: Path,
    options: Options = Options(),
    progress: Progress = quiet,
) -> SpeechDataset:
    """The dataset, built in `cache` where it is not yet.

    Raises:
        UsageError: `root` is not laid out as it must be, or a split has no usable recording.
    """
    return build(recipe(root, options), cache, progress)
