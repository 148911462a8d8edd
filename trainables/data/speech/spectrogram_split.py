"""Speech as networks see it: waveforms of a built dataset as compressed spectrograms."""

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

    Both are divided by the corrupted waveform's peak, as SGMSE has it. Waveforms of another `rate`, in
    Hz, than the spectrogram's are resampled to that.
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
        """(2, F, T)."""
        return self.sound.shape

    def clean(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Clean spectrograms of these rows, all by default."""
        loudest = peak(self._resampled(self.speech.corrupted(rows)))
        return self.sound.states(self._resampled(self.speech.clean(rows)) / loudest)

    def clean_waveforms(self) -> list[Tensor]:
        """Clean waveforms (L,) of all rows as they were recorded: each of its own length, with all
        frequencies that the spectrograms' rate has, on the scale of the spectrograms.
        """
        loudest = peak(self._resampled(self.speech.corrupted()))
        waves = self._resampled(self.speech.clean()) / loudest
        rate = self.sound.spectrogram.sample_rate
        lengths = [-(-length * rate // self.rate) for length in self.speech.lengths.tolist()]
        return [wave[:length] for wave, length in zip(waves, lengths, strict=True)]

    def corrupted(
        self, x0: Tensor, rows: Tensor | slice, corruption: str, noise: NoiseSource
    ) -> Tensor:
        """Corrupted spectrograms of these rows, as they were built: nothing is drawn."""
        waveforms = self._resampled(self.speech.corrupted(rows))
        return self.sound.states(waveforms / peak(waveforms))

    def near(self, device: torch.device) -> SpectrogramSplit:
        """Itself: waveforms are read from files as they are used."""
        return self

    def part(self, rows: Tensor | slice) -> SpectrogramSplit:
        """The split of these rows."""
        return SpectrogramSplit(self.speech.part(rows), self.sound, self.rate)

    def first(self, limit: int) -> SpectrogramSplit:
        """The first `limit` utterances (all where there are fewer); splits are shuffled already."""
        return self.part(slice(limit))

    def _resampled(self, waveforms: Tensor) -> Tensor:
        return resampled(waveforms, self.rate, self.sound.spectrogram.sample_rate)


def as_spectrograms(
    speech: SpeechDataset, corpus: Corpus, cache: Path, spectrogram: Spectrogram | None = None
) -> Dataset:
    """What was built of a corpus in a directory of builds as spectrograms, those that SGMSE publishes
    for its rate if None.
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
    )


def facts_of(corpus: Corpus) -> Facts:
    """What is known of speech before it is built; of the recordings only names and sizes are read.

    A corpus without classes is of sentences, and has a script.
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
        (corpus.corruption,),
        corpus.rate,
        not corpus.classes,
        corpus.script,
        (train, validation, test),
        corpus.note,
    )
