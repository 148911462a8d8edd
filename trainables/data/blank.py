"""A dataset's shapes without its data: what networks are built and timed for."""

from __future__ import annotations

import torch

from trainables.core.pixel_scale import pixel_scale
from trainables.data.dataset import Dataset, Facts, Split
from trainables.data.spectrogram import PUBLISHED, Sound, Spectrogram


def blank(facts: Facts, spectrogram: Spectrogram | None = None) -> Dataset:
    """A dataset of these facts with a blank signal in each split, whose classes are called by numbers.

    Speech is shown as the spectrogram, as SGMSE publishes for its rate if None.
    """
    sound, shape = None, facts.signal_shape
    if facts.kind == "speech":
        setting = spectrogram or PUBLISHED[facts.rate]
        sound = Sound(setting, -(-facts.samples * setting.sample_rate // facts.rate))
        shape = sound.shape
    one = torch.zeros(1, dtype=torch.int64)
    split = Split(torch.zeros(1, *shape), one, one, pixel_scale(torch.zeros(1, *shape)))
    names = tuple(str(number) for number in range(facts.classes))
    return Dataset(facts.title, names, split, split, split, sound, script=facts.script)
