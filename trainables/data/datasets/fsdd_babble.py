"""`fsdd-babble`: spoken digits under the babble of the split's other speakers.

SNR is of power over the word itself: a word lasts hardly longer than the 0.4 s that loudness, by which
`ears-wham` mixes, is measured in.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.core.errors import UsageError, check_range
from trainables.core.noise import generator_of
from trainables.data.audio import RATE, read_audio
from trainables.data.dataset import Script
from trainables.data.speech import fsdd
from trainables.data.speech.corpus import Pair, Pairs, Source
from trainables.data.speech.noise_mixing import babble, drawn, mixed_by_power
from trainables.data.speech.words import Padding


@dataclass(frozen=True)
class Options:
    """Voices of the babble, each of so many words; SNR in dB of power over the word, drawn uniformly."""

    snr: tuple[float, float] = (5.0, 15.0)
    voices: int = 4
    words: int = 3
    around: Padding = field(default_factory=Padding)
    test_speakers: tuple[str, ...] = fsdd.TEST_SPEAKERS
    seed: int = 0

    def __post_init__(self) -> None:
        check_range("the least SNR in dB", self.snr[0], -50, 100)
        check_range("the largest SNR in dB", self.snr[1], self.snr[0], 100)
        check_range("the number of voices", self.voices, 1, 100)
        check_range("the number of words a voice", self.words, 1, 100)


CORRUPTIONS = {
    "babble": Options(),
    "babble-loud": Options(snr=(-5.0, 5.0)),
    "babble-quiet": Options(snr=(15.0, 25.0)),
}


@dataclass(frozen=True)
class BabbledWords:
    """A corpus of words, each under voices of other speakers of its own split."""

    sources: tuple[Source, ...]
    options: Options
    name: str = "fsdd-babble"
    classes: tuple[str, ...] = fsdd.WORDS
    rate: int = RATE
    per_shard: int = 64
    script: Script | None = None
    note: str = ""
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", asdict(self.options))

    @property
    def samples(self) -> int:
        """The largest number of samples of a word with the silence around it."""
        return self.options.around.samples

    def make(self, source: Source) -> Pairs:
        """The word, clean and under babble; the strength is the SNR in dB.

        Raises:
            UsageError: the file cannot be used, or the split has no other speaker.
        """
        options, generator = self.options, generator_of("babble", self.options.seed, source.key)
        clean, spoken = options.around.read(source.path, fsdd.RATE)
        snr = drawn(*options.snr, generator)
        voices = [self._voice(source, generator) for _ in range(options.voices)]
        noise = babble(voices, len(clean), generator)
        return Pairs([Pair(clean, mixed_by_power(clean, noise, snr, spoken), snr)])

    def _voice(self, source: Source, generator: torch.Generator) -> list[Tensor]:
        """Words of one other speaker, drawn at random.

        Broken recordings are skipped, because they are reported where they are sources themselves.

        Raises:
            UsageError: the split has no other speaker, or no recording of the one drawn can be read.
        """
        others = [
            other for other in self.sources
            if other.split == source.split and other.speaker != source.speaker
        ]  # fmt: skip
        if not others:
            raise UsageError(
                f"{source.path} is of the only speaker of the {source.split} split, so there is no "
                "other to make babble of: choose other test speakers"
            )
        speakers = sorted({other.speaker for other in others})
        speaker = speakers[int(drawn(0, len(speakers), generator))]
        paths = [other.path for other in others if other.speaker == speaker]
        words: list[Tensor] = []
        for index in torch.randperm(len(paths), generator=generator).tolist():
            try:
                words.append(read_audio(paths[index], RATE, fsdd.RATE))
            except UsageError:
                continue
            if len(words) == self.options.words:
                break
        if not words:
            raise UsageError(
                f"{source.path}: no recording of {speaker!r} can be read for its babble"
            )
        return words


def corpus(root: Path, options: Options = Options()) -> BabbledWords:
    """The corpus of the recordings in `root`.

    Raises:
        UsageError: `root` is not laid out as it must be.
    """
    return BabbledWords(fsdd.sources(root, options.test_speakers), options)
