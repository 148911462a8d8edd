"""Splits of speech as the inputs of networks: compressed spectrograms of a built dataset's waveforms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from trainables.core.noise import NoiseSource
from trainables.data.audio import resampled
from trainables.data.dataset import SPLITS, Dataset, Facts
from trainables.data.spectrogram import PUBLISHED, Sound, Spectrogram, peak
from trainables.data.speech.corpus import Corpus, key_of
from trainables.data.speech.waveforms import SpeechDataset, SpeechSplit

_ALL = slice(None)


@dataclass(frozen=True)
class SpectrogramSplit:
    """The utterances of a split as spectrograms (B, 2, F, T), clean and corrupted.

    Both waveforms are divided by the peak of the corrupted one, as in SGMSE.

    Args:
        speech: the waveforms.
        sound: their transform.
        rate: the rate of the waveforms in Hz; they are resampled to that of the transform.
    """

    speech: SpeechSplit
    sound: Sound
    rate: int
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
        """The shape (2, F, T) of one spectrogram."""
        return self.sound.shape

    def clean(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Clean spectrograms of these rows, all by default."""
        loudest = peak(self._resampled(self.speech.corrupted(rows)))
        return self.sound.states(self._resampled(self.speech.clean(rows)) / loudest)

    def clean_waveforms(self) -> list[Tensor]:
        """Clean waveforms (L,) of all rows, without padding and without the loss of a spectrogram.

        They have the rate of the spectrograms, and are divided by the same peaks.
        """
        loudest = peak(self._resampled(self.speech.corrupted()))
        waves = self._resampled(self.speech.clean()) / loudest
        rate = self.sound.spectrogram.sample_rate
        lengths = [-(-length * rate // self.rate) for length in self.speech.lengths.tolist()]
        return [wave[:length] for wave, length in zip(waves, lengths, strict=True)]

    def corrupted(
        self, x0: Tensor, rows: Tensor | slice, corruption: str, noise: NoiseSource
    ) -> Tensor:
        """Corrupted spectrograms of these rows, as they were built; the other arguments are unused."""
        waveforms = self._resampled(self.speech.corrupted(rows))
        return self.sound.states(waveforms / peak(waveforms))

    def near(self, device: torch.device) -> SpectrogramSplit:
        """The split itself: waveforms are read from files as they are used."""
        return self

    def part(self, rows: Tensor | slice) -> SpectrogramSplit:
        """The split of these rows."""
        return SpectrogramSplit(self.speech.part(rows), self.sound, self.rate)

    def first(self, limit: int) -> SpectrogramSplit:
        """The first `limit` utterances (all where there are fewer); splits are shuffled already."""
        return self.part(slice(limit))

    def _resampled(self, waveforms: Tensor) -> Tensor:
        """Waveforms (B, L) at the rate of the spectrograms."""
        return resampled(waveforms, self.rate, self.sound.spectrogram.sample_rate)


def as_spectrograms(
    speech: SpeechDataset,
    corpus: Corpus,
    cache: Path,
    spectrogram: Spectrogram | None = None,
    variant: str = "",
) -> Dataset:
    """The dataset of spectrograms of a built speech dataset.

    Args:
        speech: the built dataset.
        corpus: what it was built from.
        cache: the directory of builds.
        spectrogram: the transform; the published one for the rate of the waveforms if None.
        variant: what it is corrupted by, where that is not the usual.
    """
    setting = spectrogram or PUBLISHED[speech.rate]
    sound = Sound(setting, -(-corpus.samples * setting.sample_rate // speech.rate))
    train, validation, test = (
        SpectrogramSplit(split, sound, speech.rate)
        for split in (speech.train, speech.validation, speech.test)
    )
    return Dataset(
        speech.name,
        speech.classes,
        train,
        validation,
        test,
        sound,
        cache,
        corpus.script,
        speech.left_out,
        speech.left_out_file,
        variant,
    )


def facts_of(corpus: Corpus, corruptions: tuple[str, ...]) -> Facts:
    """The facts of a dataset of speech before it is built, from names and sizes of the recordings, and from
    the names of what they may be corrupted by.

    A corpus without classes has sentences, and a script of them.
    """
    splits = Counter(source.split for source in corpus.sources)
    train, validation, test = (splits[name] for name in SPLITS)
    return Facts(
        corpus.name,
        PUBLISHED[corpus.rate].shape(corpus.samples),
        len(corpus.classes),
        key_of(corpus),
        "speech",
        corpus.samples,
        corruptions,
        corpus.rate,
        not corpus.classes,
        corpus.script,
        (train, validation, test),
        corpus.note,
    )
