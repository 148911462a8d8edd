"""Datasets of single words: silence around each word, and words in simulated rooms."""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.core.errors import UsageError, check_range
from trainables.core.noise import generator_of
from trainables.data.audio import RATE, read_audio
from trainables.data.dataset import Script
from trainables.data.speech.corpus import Pair, Pairs, Source
from trainables.data.speech.responses import reverberated
from trainables.data.speech.rooms import RoomOptions, draw_response


@dataclass(frozen=True)
class Padding:
    """Seconds of silence before and behind a word; the latter holds the room's tail.

    Recordings longer than `longest` seconds are left out, since all are padded to the longest.
    """

    before: float = 0.2
    behind: float = 0.2
    longest: float = 1.0

    def __post_init__(self) -> None:
        check_range("the longest word in seconds", self.longest, 0.1, 30)
        check_range("seconds of silence before a word", self.before, 0, 5)
        check_range("seconds of silence behind a word", self.behind, 0, 5)

    @property
    def samples(self) -> int:
        """The largest number of samples of a word with the silence around it."""
        return round((self.before + self.longest + self.behind) * RATE)

    def read(self, path: Path, only_rate: int | None) -> tuple[Tensor, slice]:
        """A word at 16 kHz with silence around it, (L,), and the slice of it that is the word.

        Raises:
            UsageError: the file cannot be used, or the word is too long.
        """
        word = read_audio(path, RATE, only_rate)
        if len(word) > self.longest * RATE:
            raise UsageError(
                f"{path} is {len(word) / RATE:.2f} s long, but words may be {self.longest:g} s: allow "
                "a longer one, or cut it"
            )
        before, behind = round(self.before * RATE), round(self.behind * RATE)
        padded = torch.nn.functional.pad(word, (before, behind))
        return padded, slice(before, before + len(word))


@dataclass(frozen=True)
class ReverberatedWords:
    """A corpus of words, each reverberated in its own simulated room."""

    name: str
    classes: tuple[str, ...]
    sources: tuple[Source, ...]
    room: RoomOptions
    around: Padding
    seed: int
    only_rate: int | None = None
    rate: int = RATE
    per_shard: int = 32
    script: Script | None = None
    note: str = ""
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        settings = {
            "room": asdict(self.room),
            "around": asdict(self.around),
            "seed": self.seed,
            "pyroomacoustics": importlib.metadata.version("pyroomacoustics"),
        }
        object.__setattr__(self, "settings", settings)

    @property
    def samples(self) -> int:
        """The largest number of samples of a word with the silence around it."""
        return self.around.samples

    def make(self, source: Source) -> Pairs:
        """The word, clean and in a room; the strength is the RT60 that was drawn for the room.

        Raises:
            UsageError: the file cannot be used, or no room can have the RT60.
        """
        clean, _ = self.around.read(source.path, self.only_rate)
        generator = generator_of("room", self.seed, source.key)
        room, response = draw_response(self.room, generator)
        return Pairs([Pair(clean, reverberated(clean, response), room.rt60)])
