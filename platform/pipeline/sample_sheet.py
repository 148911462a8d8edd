"""Sampled points as the sheet that a sweep attaches: tensors become pictures, sounds and likeliest classes.

Every sheet of one setting has the same clean and corrupted signals to the bit, so nothing in them depends on
what else is on the sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from platform.pipeline.sampled_points import SampledPoints
from platform.pipeline.samples import decibels

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dashboards.comparison.sheet import (
    ClassProbability,
    SampleSheet,
    SheetFrames,
    SheetPoint,
    Signals,
)
from dashboards.points import ReportedPoint
from dashboards.sounds import int16
from trainables.data.audio import RATE
from trainables.data.spectrogram import Sound
from trainables.evaluation.shown import Frames, ShownSamples

_LIKELIEST = 5  # classes that a frame names
_DIGITS = 4  # of a probability and of a level
_RANGE = 70.0  # dB from the loudest of an utterance down to what is black
_SIDES = 128, 256  # the most frequencies and frames of a spectrogram's picture

_Pictures = Callable[[Tensor, Sequence[int]], np.ndarray]
"""Makes pictures of signals (B, *signal shape), given the rows of the samples that they are of."""


def sheet_of_samples(sampled: SampledPoints) -> SampleSheet:
    """The sheet of the samples."""
    sound = sampled.dataset.sound
    if sound is None:
        return _sheet(sampled, 0, _images, _no_sounds)
    rate = min(RATE, sound.spectrogram.sample_rate)
    return _sheet(sampled, rate, _spectrograms(sound, sampled), _sounds(sound, sampled, rate))


def _sheet(
    sampled: SampledPoints,
    rate: int,
    pictures: _Pictures,
    sounds: Callable[[Tensor], np.ndarray | None],
) -> SampleSheet:
    """The sheet, by what makes pictures and sounds of its signals."""
    rows = range(len(sampled.truths))

    def signals(states: Tensor) -> Signals:
        return Signals(pictures(states, rows), sounds(states))

    def sheet_point(point: ReportedPoint, shown: ShownSamples) -> SheetPoint:
        return SheetPoint(
            point.label,
            point.strategy,
            None if shown.signals is None else signals(shown.signals),
            shown.answers,
            tuple(round(share, _DIGITS) for share in shown.confidences),
            shown.right,
            None
            if shown.frames is None
            else _frames(shown.frames, sampled.dataset.classes, pictures),
        )

    return SampleSheet(
        sampled.kind,
        rate,
        tuple(rows),
        sampled.truths,
        signals(sampled.clean),
        signals(sampled.corrupted),
        tuple(sheet_point(point, shown) for point, shown in sampled.points),
    )


def _frames(frames: Frames, classes: Sequence[str], pictures: _Pictures) -> SheetFrames | None:
    """Frames with pictures, and with the likeliest of these classes; None where both are missing."""
    made: np.ndarray | None = None
    if frames.signals is not None:
        samples, levels = frames.signals.shape[:2]
        rows = [row for row in range(samples) for _ in range(levels)]
        flat = pictures(frames.signals.flatten(0, 1), rows)
        made = flat.reshape(samples, levels, *flat.shape[1:])
    if frames.probabilities is not None:
        named = tuple(
            tuple(_likeliest(p, classes) for p in sample) for sample in frames.probabilities
        )
    elif made is not None:
        named = (((),) * made.shape[1],) * made.shape[0]
    else:
        return None
    return SheetFrames(tuple(round(level, _DIGITS) for level in frames.levels), made, named)


def _likeliest(probabilities: Tensor, classes: Sequence[str]) -> tuple[ClassProbability, ...]:
    """The likeliest classes by their probabilities (K,), of equal ones those of the lower numbers first."""
    order = probabilities.argsort(descending=True, stable=True)[:_LIKELIEST].tolist()
    return tuple((classes[k], round(float(probabilities[k]), _DIGITS)) for k in order)


def _images(images: Tensor, _: Sequence[int]) -> np.ndarray:
    """Images (B, C, H, W) in [-1, 1] as uint8, grey or coloured; what lies outside is cut off."""
    pixels = ((images.float() + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)
    array: np.ndarray = pixels.permute(0, 2, 3, 1).contiguous().numpy()
    return array[..., 0] if array.shape[3] == 1 else array


def _no_sounds(_: Tensor) -> None:
    """Images have no sounds."""


def _spectrograms(sound: Sound, sampled: SampledPoints) -> _Pictures:
    """What makes pictures of spectrograms: loudness from 70 dB below the loudest that is in the clean and
    corrupted signal of an utterance, averaged over neighbours where there are more than a picture shows.
    """
    both = torch.stack([decibels(sound, x) for x in (sampled.clean, sampled.corrupted)])
    loudest = both.amax(dim=(0, 2, 3))

    def pictures(signals: Tensor, rows: Sequence[int]) -> np.ndarray:
        quietest = loudest[list(rows), None, None] - _RANGE
        shares = ((decibels(sound, signals) - quietest) / _RANGE).clamp(0, 1)
        frequencies, frames = (min(sides) for sides in zip(shares.shape[1:], _SIDES, strict=True))
        small = functional.adaptive_avg_pool2d(shares[:, None], (frequencies, frames))[:, 0]
        array: np.ndarray = (small * 255).round().to(torch.uint8).flip(1).numpy()
        return array

    return pictures


def _sounds(sound: Sound, sampled: SampledPoints, rate: int) -> Callable[[Tensor], np.ndarray]:
    """What makes waveforms at this rate of spectrograms; all of an utterance share one factor, by which the
    clean and the corrupted signal are not cut off, so that their loudness compares.
    """
    both = [sound.waveforms(x.float(), rate) for x in (sampled.clean, sampled.corrupted)]
    loudest = torch.stack(both).abs().amax(dim=(0, 2)).clamp(min=1)

    def waveforms(signals: Tensor) -> np.ndarray:
        return int16((sound.waveforms(signals.float(), rate) / loudest[:, None]).numpy())

    return waveforms
