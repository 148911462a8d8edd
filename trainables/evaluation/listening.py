"""How near sampled speech is to clean speech: what a measurement on the test split adds for speech."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from trainables.data.audio import RATE, resampled
from trainables.data.dataset import Samples
from trainables.data.spectrogram import Sound
from trainables.data.speech.spectrogram_split import SpectrogramSplit
from trainables.scoring.metric_names import ESTOI, PESQ, SI_SDR, SIGNAL_METRICS, utterances_of
from trainables.scoring.speech_quality import UtteranceScores, estoi, pesq, si_sdr

LISTENED = 50
"""Utterances of a sampling, the first, that are measured: PESQ takes longer than a short sampling."""

Quality = Mapping[str, Sequence[float]]
"""Signal measures by their names in records: a value for each utterance that has one."""


def references(split: Samples, name: str, before: int) -> list[Tensor]:
    """Clean waveforms (L,) of the samples of a part of split `name`, `before` of which lie before it,
    whose signals are measured: of speech, on the test split, the first.
    """
    if name != "test" or not isinstance(split, SpectrogramSplit):
        return []
    return split.first(max(0, LISTENED - before)).clean_waveforms()


def quality_of(sound: Sound, estimates: Tensor, clean: Sequence[Tensor]) -> Quality:
    """SI-SDR, PESQ and ESTOI of signals (B, 2, F, T) against clean waveforms (L,), one each.

    The waveforms are those of the dataset, so that what a spectrogram loses counts; what was padded
    is cut off again. PESQ and ESTOI are taken at 16 kHz. A word may be too short for ESTOI, silence has
    no value at all: such utterances are left out, and the number of the others is recorded.
    """
    waves = zip(sound.waveforms(estimates), clean, strict=True)
    pairs = [(wave[: len(known)], known) for wave, known in waves]
    rate = sound.spectrogram.sample_rate
    heard = [[resampled(wave, rate, RATE) for wave in pair] for pair in pairs]
    found = {
        SI_SDR: si_sdr(*_columns(pairs)),
        PESQ: pesq(*_columns(heard), RATE),
        ESTOI: estoi(*_columns(heard), RATE),
    }
    return {name: _known(measured) for name, measured in found.items()}


def means(parts: Sequence[Quality]) -> dict[str, float]:
    """Each metric's mean over the utterances of all parts, and their number; without any, neither."""
    metrics: dict[str, float] = {}
    for name in SIGNAL_METRICS:
        values = [value for part in parts for value in part.get(name, ())]
        if values:
            metrics |= {name: float(np.mean(values)), utterances_of(name): float(len(values))}
    return metrics


def _columns(pairs: Sequence[Sequence[Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
    """Estimates and references of pairs."""
    return [estimate for estimate, _ in pairs], [reference for _, reference in pairs]


def _known(measured: UtteranceScores) -> list[float]:
    return [float(value) for value in measured.values if np.isfinite(value)]
