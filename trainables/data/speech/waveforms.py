"""A speech dataset and its train, validation and test splits of clean and corrupted waveforms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

LARGEST = 2.0  # the magnitude of the largest stored integer
_SCALE = 32767 / LARGEST
_ALL = slice(None)


def quantised(wave: Tensor) -> np.ndarray:
    """A waveform (L,) in [-2, 2] as int16, 32767 for 2."""
    return (wave * _SCALE).round().clamp(-32767, 32767).to(torch.int16).numpy()


@dataclass(frozen=True)
class SpeechSplit:
    """N utterances, clean and corrupted, padded with zeros at the end to the length of the longest.

    Args:
        stored_clean, stored_corrupted: (N, L) int16, on disk until they are read.
        lengths: (N,) int64, samples without the padding.
        labels: (N,) int64, classes of words; -1 where there are only texts.
        numbers: (N,) int64; an utterance's number seeds its noise. It follows from the recording's
            name, so it is the same in every subset, dataset and build.
        strengths: (N,) float32, the strength of the corruption: RT60 in seconds, or SNR in dB.
        speakers, texts: (N,) of str, the speaker, and the word or the sentences of the whole recording.
    """

    stored_clean: Tensor
    stored_corrupted: Tensor
    lengths: Tensor
    labels: Tensor
    numbers: Tensor
    strengths: Tensor
    speakers: np.ndarray
    texts: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def clean(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Clean waveforms of these rows, (B, L) float32 in [-2, 2], aligned with the corrupted."""
        return self.stored_clean[rows].float() / _SCALE

    def corrupted(self, rows: Tensor | slice = _ALL) -> Tensor:
        """Corrupted waveforms of these rows, (B, L) float32 in [-1, 1].

        The largest magnitude of each is 1, or less where the clean one would exceed 2 otherwise.
        """
        return self.stored_corrupted[rows].float() / _SCALE

    def part(self, rows: Tensor | slice) -> SpeechSplit:
        """The split of these rows."""
        index = rows.numpy() if isinstance(rows, Tensor) else rows
        return SpeechSplit(
            self.stored_clean[rows],
            self.stored_corrupted[rows],
            self.lengths[rows],
            self.labels[rows],
            self.numbers[rows],
            self.strengths[rows],
            self.speakers[index],
            self.texts[index],
        )


@dataclass(frozen=True)
class SpeechDataset:
    """A built dataset with its three splits.

    Args:
        name: the dataset's name.
        rate: of all waveforms, in Hz.
        classes: the words; none for sentences.
        train, validation, test: the splits.
        left_out: a line for each recording that could not be used, with its name and the reason.
        left_out_file: the file that has these lines.
    """

    name: str
    rate: int
    classes: tuple[str, ...]
    train: SpeechSplit
    validation: SpeechSplit
    test: SpeechSplit
    left_out: tuple[str, ...] = ()
    left_out_file: Path | None = None
