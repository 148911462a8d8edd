"""A few samples before and after: a picture, and for speech sounds to listen to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from platform.pipeline.sampled_points import DRAWN, SampledPoints
from textwrap import fill, shorten

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dashboards.figure_files import figure_files
from dashboards.samples import sample_grid, spectrogram_grid
from dashboards.sounds import int16, wav
from trainables.data.spectrogram import Sound

_WIDTH = 40  # letters of a line of a caption, and of a text in a file's name
_QUIETEST = 1e-4  # magnitude, -80 dB: below it all is drawn alike


@dataclass(frozen=True)
class _Drawn:
    """Signals (N, *signal shape) and captions (N,) by what they are: clean, corrupted, or a point's
    label; and the true classes or texts, (N,).
    """

    signals: Mapping[str, Tensor]
    captions: Mapping[str, Sequence[str]]
    truths: Sequence[str]


def files_of_samples(sampled: SampledPoints) -> dict[str, bytes]:
    """Files of the first samples as the enhanced baseline and the named point restore them, by their paths
    in a folder: samples.png and .svg, and for speech sounds/*.wav.
    """
    drawn, sound = _drawn(sampled), sampled.dataset.sound
    if sound is None:
        pixels = {name: signal.numpy() for name, signal in drawn.signals.items()}
        return figure_files("samples", sample_grid(pixels, drawn.captions))
    return figure_files("samples", _spectrograms(sound, drawn)) | _sounds(sound, drawn)


def _drawn(sampled: SampledPoints) -> _Drawn:
    """What is drawn of the samples."""
    count = DRAWN[sampled.kind]
    truths, corrupted = sampled.truths[:count], sampled.corrupted[:count]
    signals = {"clean": sampled.clean[:count], "corrupted": corrupted}
    captions = {"clean": _wrapped(truths), "corrupted": [""] * len(truths)}
    *others, named = sampled.points
    enhanced = [
        (point, shown)
        for point, shown in others
        if (point.strategy, point.role) == ("enhanced", "baseline")
    ]
    for point, shown in [*enhanced, named]:
        signals[point.label] = corrupted if shown.signals is None else shown.signals[:count]
        captions[point.label] = _wrapped([f"answer {answer}" for answer in shown.answers[:count]])
    return _Drawn(signals, captions, truths)


def _wrapped(texts: Sequence[str]) -> list[str]:
    """The texts on lines that are not longer than a caption's."""
    return [fill(text, _WIDTH) for text in texts]


def decibels(sound: Sound, signals: Tensor) -> Tensor:
    """The loudness (N, F, T), in dB of the spectrum, of spectrograms (N, 2, F, T), whose compression is
    undone.
    """
    setting = sound.spectrogram
    compressed = torch.linalg.vector_norm(signals.float(), dim=1) / setting.beta
    magnitude = compressed ** (1 / setting.alpha)
    loudness: Tensor = 20 * magnitude.clamp(min=_QUIETEST).log10()
    return loudness


def _spectrograms(sound: Sound, drawn: _Drawn) -> Figure:
    """The picture of the spectrograms' loudness."""
    setting = sound.spectrogram
    columns = {name: decibels(sound, signal).numpy() for name, signal in drawn.signals.items()}
    frequencies, frames = sound.shape[1:]
    seconds = frames * setting.hop / setting.sample_rate
    kilohertz = frequencies * setting.sample_rate / setting.n_fft / 1000
    return spectrogram_grid(columns, drawn.captions, seconds, kilohertz)


def _sounds(sound: Sound, drawn: _Drawn) -> dict[str, bytes]:
    """A WAV file a signal; those of one utterance share one factor, so that their loudness compares."""
    waves = {name: sound.waveforms(signal.float()) for name, signal in drawn.signals.items()}
    files = {}
    for row, text in enumerate(drawn.truths):
        loudest = max(1.0, *(float(wave[row].abs().max()) for wave in waves.values()))
        for name, wave in waves.items():
            path = f"sounds/{row + 1}-{_slug(shorten(text, _WIDTH))}-{_slug(name)}.wav"
            samples = int16((wave[row] / loudest).numpy())
            files[path] = wav(samples, sound.spectrogram.sample_rate)
    return files


def _slug(label: str) -> str:
    """A label as part of a file's name."""
    return "-".join(re.findall(r"\w+", label))
