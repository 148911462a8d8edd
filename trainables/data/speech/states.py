"""Speech as networks see it: waveforms of a built dataset as compressed spectrograms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from trainables.data.spectrogram import SPECTROGRAM_16K, Sound, Spectrogram, peak
from trainables.data.speech.recipe import Recipe, key_of
from trainables.data.speech.splits import SpeechDataset, SpeechSplit
from trainables.data.splits import Dataset, Facts
from trainables.noise import NoiseSource

_ALL = slice(None)


@dataclass(frozen=True)
class SpectrogramSplit:
    """The utterances of a split as spectrograms (B, 2, F, T), clean and corrupted.

    Both are divided by the corrupted waveform's peak, as SGMSE has it.
    """

    speech: SpeechSplit
    sound: Sound
    fixed: ClassVar[bool] = True

    def __len__(self) -> int:
        return len(self.speech)

    @property
    def labels(self) -> Tensor:
        return self.speech.labels

    @property
    def numbers(self) -> Tensor:
        return self.speech.numbers

    @property
    def signal_shape(self) -> tuple[int, ...]:
        """(2, F, T)."""
        return self.sound.shape

    def clean(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Clean spectrograms of these rows, all by default."""
        loudest = peak(self.speech.corrupted(rows))
        return self.sound.states(self.speech.clean(rows) / loudest)

    def clean_waveforms(self) -> list[Tensor]:
        """Clean waveforms (L,) of all rows as they were recorded: each of its own length, with all
        frequencies, on the scale of the spectrograms.
        """
        waves = self.speech.clean() / peak(self.speech.corrupted())
        lengths = self.speech.lengths.tolist()
        return [wave[:length] for wave, length in zip(waves, lengths, strict=True)]

    def corrupted(
        self, x0: Tensor, rows: Tensor | slice, corruption: str, noise: NoiseSource
    ) -> Tensor:
        """Corrupted spectrograms of these rows, as they were built: nothing is drawn."""
        waveforms = self.speech.corrupted(rows)
        return self.sound.states(waveforms / peak(waveforms))

    def near(self, device: torch.device) -> SpectrogramSplit:
        """Itself: waveforms are read from files as they are used."""
        return self

    def part(self, rows: Tensor | slice) -> SpectrogramSplit:
        """The split of these rows."""
        return SpectrogramSplit(self.speech.part(rows), self.sound)

    def first(self, limit: int) -> SpectrogramSplit:
        """The first `limit` utterances (all where there are fewer); splits are shuffled already."""
        return self.part(slice(limit))


@dataclass(frozen=True)
class Built:
    """A built dataset of words, the length that all waveforms are padded to, and its directory."""

    speech: SpeechDataset
    samples: int
    cache: Path


def as_spectrograms(built: Built, spectrogram: Spectrogram | None = None) -> Dataset:
    """The dataset as spectrograms, SGMSE's published ones if None."""
    sound = Sound(spectrogram or SPECTROGRAM_16K, built.samples)
    speech = built.speech
    train, validation, test = (
        SpectrogramSplit(split, sound) for split in (speech.train, speech.validation, speech.test)
    )
    return Dataset(
        speech.name,
        speech.classes,
        train,
        validation,
        test,
        sound,
        built.cache,
        speech.left_out,
        speech.left_out_file,
    )


def facts_of(recipe: Recipe, samples: int, corruption: str) -> Facts:
    """What is known of words before they are built; of the recordings only names and sizes are read."""
    return Facts(
        recipe.name,
        SPECTROGRAM_16K.shape(samples),
        len(recipe.classes),
        key_of(recipe),
        "speech",
        samples,
        (corruption,),
    )
