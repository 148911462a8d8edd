"""How near sampled speech is to clean speech: what a measurement on the test split adds for speech."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from trainables.data.spectrogram import Sound
from trainables.data.speech.audio import RATE
from trainables.data.splits import Dataset, Samples
from trainables.records import ESTOI, PESQ, SI_SDR, SIGNAL_MEASURES, utterances_of
from trainables.signal_measures import Measured, estoi, pesq, si_sdr

LISTENED = 50
"""Utterances of a sampling, the first, that are measured: PESQ takes longer than a short sampling."""

Quality = Mapping[str, Sequence[float]]
"""Signal measures by their names in records: a value for each utterance that has one."""


def listened_to(dataset: Dataset, split: Samples, name: str, before: int) -> Samples:
    """The samples of a part of split `name`, `before` of which lie before it, whose signals are
    measured: of speech, on the test split, the first.
    """
    wanted = dataset.sound is not None and name == "test"
    return split.first(max(0, LISTENED - before) if wanted else 0)


def quality_of(sound: Sound, estimates: Tensor, clean: Tensor) -> Quality:
    """SI-SDR, PESQ and ESTOI of signals (B, 2, F, T) against the clean ones of that shape.

    Compared as waveforms, with the silence that they were padded by, for PESQ at the 16 kHz that it
    knows. A word may be too short for ESTOI, silence has no value at all: such utterances are left
    out, and the number of the others is recorded.
    """
    rate = sound.spectrogram.sample_rate
    pair = list(sound.waveforms(estimates)), list(sound.waveforms(clean))
    heard = list(sound.waveforms(estimates, RATE)), list(sound.waveforms(clean, RATE))
    found = {SI_SDR: si_sdr(*pair), PESQ: pesq(*heard, RATE), ESTOI: estoi(*pair, rate)}
    return {name: _known(measured) for name, measured in found.items()}


def means(parts: Sequence[Quality]) -> dict[str, float]:
    """Each measure's mean over the utterances of all parts, and their number; without any, neither."""
    metrics: dict[str, float] = {}
    for name in SIGNAL_MEASURES:
        values = [value for part in parts for value in part.get(name, ())]
        if values:
            metrics |= {name: float(np.mean(values)), utterances_of(name): float(len(values))}
    return metrics


def _known(measured: Measured) -> list[float]:
    return [float(value) for value in measured.values if np.isfinite(value)]
