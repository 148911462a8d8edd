"""The Free Spoken Digit Dataset: `recordings/{digit}_{speaker}_{index}.wav`, 8 kHz.

Splits are by speaker: no recording of a test speaker is used in training. Recordings 0 to 9 of each digit of
the training speakers are for validation. A whole speaker would be the better validation, but babble
needs a second speaker in the test split, and of five or six speakers that would leave two to train on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from trainables.core.errors import UsageError
from trainables.data.speech.corpus import Source

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RATE = 8000  # Hz, of the recordings
# The first and the last by name of the speakers in every release, chosen before any result was seen.
TEST_SPEAKERS = ("george", "yweweler")
VALIDATION_RECORDINGS = 10
_NAME = re.compile(r"(\d)_([^_]+)_(\d+)\.wav")


def sources(root: Path, test_speakers: Sequence[str]) -> tuple[Source, ...]:
    """All recordings in `root` or `root/recordings`, by name.

    Raises:
        UsageError: there are none, or none of a test speaker or of any other.
    """
    directory = next((folder for folder in (root / "recordings", root, root / "fsdd" / "recordings")
                      if any(folder.glob("*_*_*.wav"))), None)  # fmt: skip
    if directory is None:
        raise UsageError(
            f"there are no recordings in {root / 'recordings'}: name the directory of the Free "
            "Spoken Digit Dataset, which has recordings/{digit}_{speaker}_{index}.wav"
        )
    recordings = [
        _source(path, int(name[1]), name[2], int(name[3]), test_speakers)
        for path in sorted(directory.iterdir())
        if (name := _NAME.fullmatch(path.name))
    ]
    speakers = {recording.speaker for recording in recordings}
    for speaker in test_speakers:
        if speaker not in speakers:
            raise UsageError(
                f"{directory} has no recordings of the test speaker {speaker!r}; speakers there: "
                f"{', '.join(sorted(speakers))}"
            )
    if speakers == set(test_speakers):
        raise UsageError(f"{directory} has no speaker but the test speakers: add recordings")
    return tuple(recordings)


def _source(
    path: Path, digit: int, speaker: str, index: int, test_speakers: Sequence[str]
) -> Source:
    """The recording of a file, given what its name says; its split follows from speaker and index."""
    training_split = "validation" if index < VALIDATION_RECORDINGS else "train"
    split = "test" if speaker in test_speakers else training_split
    return Source(path.name, path, split, speaker, digit, WORDS[digit])
