"""A speech dataset and its train, validation and test splits: pairs of clean and corrupted waveforms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainables.core.errors import unknown_name
from trainables.data.dataset import SPLITS

LARGEST = 2.0  # the magnitude that the stored integers reach
_SCALE = 32767 / LARGEST
_ALL = slice(None)


def stored(wave: Tensor) -> np.ndarray:
    """A waveform (L,) in [-2, 2] as int16."""
    return (wave * _SCALE).round().clamp(-32767, 32767).to(torch.int16).numpy()


@dataclass(frozen=True)
class SpeechSplit:
    """N utterances, clean and corrupted; padded with zeros behind to the longest.

    Args:
        stored_clean, stored_corrupted: (N, L) int16, on disk until they are read.
        lengths: (N,) int64, samples before the padding.
        labels: (N,) int64, classes of words; -1 where there are texts only.
        numbers: (N,) int64; an utterance's number seeds its noise. It follows from the recording's
            name, so it is the same in every subset, dataset and build.
        drawn: (N,) float32, the strength of the corruption: RT60 in seconds, or SNR in dB.
        speakers, texts: (N,) of str: who speaks; the word, or the sentences of the whole recording.
    """

    stored_clean: Tensor
    stored_corrupted: Tensor
    lengths: Tensor
    labels: Tensor
    numbers: Tensor
    drawn: Tensor
    speakers: np.ndarray
    texts: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def clean(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Clean waveforms of these rows, (B, L) float32 in [-2, 2], aligned with the corrupted."""
        return self.stored_clean[rows].float() / _SCALE

    def corrupted(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Corrupted waveforms of these rows, (B, L) float32 in [-1, 1]; each reaches 1.

        Exception: where the clean one would be over 2, both are scaled down.
        """
        return self.stored_corrupted[rows].float() / _SCALE

    def part(self, rows: Tensor | slice) -> SpeechSplit:
        """The split of these rows."""
        names = rows.numpy() if isinstance(rows, Tensor) else rows
        return SpeechSplit(
            self.stored_clean[rows],
            self.stored_corrupted[rows],
            self.lengths[rows],
            self.labels[rows],
            self.numbers[rows],
            self.drawn[rows],
            self.speakers[names],
            self.texts[names],
        )

    def first(self, limit: int) -> SpeechSplit:
        """The first `limit` utterances (all where there are fewer); splits are shuffled already."""
        return self.part(slice(limit))


@dataclass(frozen=True)
class SpeechDataset:
    """A built dataset: `rate` in Hz, `classes` of words (none for sentences), three splits.

    `left_out` has a line for each recording that could not be used, naming it and saying why; they are
    in `left_out_file` too.
    """

    name: str
    rate: int
    classes: tuple[str, ...]
    train: SpeechSplit
    validation: SpeechSplit
    test: SpeechSplit
    left_out: tuple[str, ...] = ()
    left_out_file: Path | None = None

    def split(self, name: str) -> SpeechSplit:
        """The split of that name.

        Raises:
            UsageError: there is none.
        """
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
        value: SpeechSplit = getattr(self, name)
        return value
