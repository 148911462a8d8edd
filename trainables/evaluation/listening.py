"""Signal metrics of sampled speech (SI-SDR, PESQ, ESTOI), which measurements on the test split have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from trainables.data.audio import RATE, resampled
from trainables.data.dataset import Samples
from trainables.data.spectrogram import Sound
from trainables.data.speech.spectrogram_split import SpectrogramSplit
from trainables.scoring.metric_names import ESTOI, PESQ, SI_SDR, SIGNAL_METRICS, utterances_of
from trainables.scoring.speech_quality import estoi, pesq, si_sdr

LISTENED = 50
"""Signal metrics are taken of so many utterances of a sampling, the first: PESQ takes longer than a
short sampling.
"""

Quality = Mapping[str, Sequence[float]]
"""Signal metrics by their names in records: a value for each utterance that has one."""


def reference_waveforms(split: Samples, name: str, before: int) -> list[Tensor]:
    """Clean waveforms (L,) that the sampled signals are compared with: those of the first utterances of
    the test split for speech, none otherwise.

    Args:
        split: a part of a split.
        name: the split's name.
        before: the number of the split's samples before the part.
    """
    if name != "test" or not isinstance(split, SpectrogramSplit):
        return []
    return split.first(max(0, LISTENED - before)).clean_waveforms()


def quality_of(sound: Sound, estimates: Tensor, clean: Sequence[Tensor]) -> Quality:
    """SI-SDR, PESQ and ESTOI of signals (B, 2, F, T) against B clean waveforms (L,).

    The clean waveforms are those of the dataset, so that what a spectrogram loses counts; padding is
    cut off the sampled ones. PESQ and ESTOI are taken at 16 kHz. A word may be too short for ESTOI, and
    silence has no value at all: such utterances have no entry, and the number of entries is recorded.
    """
    pairs = [
        (estimate[: len(reference)], reference)
        for estimate, reference in zip(sound.waveforms(estimates), clean, strict=True)
    ]
    rate = sound.spectrogram.sample_rate
    pairs_at_16_khz = [[resampled(wave, rate, RATE) for wave in pair] for pair in pairs]
    scores = {
        SI_SDR: si_sdr(*_columns(pairs)),
        PESQ: pesq(*_columns(pairs_at_16_khz), RATE),
        ESTOI: estoi(*_columns(pairs_at_16_khz), RATE),
    }
    return {name: _finite(score.values) for name, score in scores.items()}


def means(parts: Sequence[Quality]) -> dict[str, float]:
    """Each metric's mean over the utterances of all parts, and the number of these utterances; a metric
    without a value has no entry.
    """
    metrics: dict[str, float] = {}
    for name, values in together(parts).items():
        metrics |= {name: float(np.mean(values)), utterances_of(name): float(len(values))}
    return metrics


def together(parts: Sequence[Quality]) -> Quality:
    """Each metric's values of all parts, in order; a metric without a value has no entry."""
    values = {
        name: [value for part in parts for value in part.get(name, ())] for name in SIGNAL_METRICS
    }
    return {name: found for name, found in values.items() if found}


def _columns(pairs: Sequence[Sequence[Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
    """The estimates and the references of pairs of both."""
    return [estimate for estimate, _ in pairs], [reference for _, reference in pairs]


def _finite(values: np.ndarray) -> list[float]:
    """The finite values of (N,), in order."""
    return [float(value) for value in values if np.isfinite(value)]
