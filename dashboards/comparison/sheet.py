"""What a sweep attaches of its samples, as numbers: pictures and sounds before they are encoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ClassProbability = tuple[str, float]
"""The name of a class and its probability."""


@dataclass(frozen=True, eq=False)
class Signals:
    """Signals of N samples.

    Args:
        pictures: uint8, (N, H, W) or (N, H, W, 3): images, or spectrograms whose loudness is 0 to 255, the
            highest frequency in row 0.
        sounds: int16 waveforms (N, samples); None for images.
    """

    pictures: np.ndarray
    sounds: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class SheetFrames:
    """Moments of the reverse trajectories of the first M samples.

    Args:
        levels: L noise levels, falling, as fractions of T.
        pictures: uint8, (M, L, H, W) or (M, L, H, W, 3): the clean estimates; None where no signal is
            sampled.
        classes: of each of the M samples and L levels the likeliest classes, the likeliest first; none where
            there are no classes, but sentences.
    """

    levels: tuple[float, ...]
    pictures: np.ndarray | None
    classes: tuple[tuple[tuple[ClassProbability, ...], ...], ...]


@dataclass(frozen=True, eq=False)
class SheetPoint:
    """The N samples as a point restores and answers them.

    Args:
        label, strategy: the point's.
        signals: as it restores them; None where no signal is sampled, so that they stay corrupted.
        answers: classes or texts.
        confidences: the probability of each answer, in [0, 1]; empty where there is none.
        right: whether each answer is right.
        frames: moments of the first samples' trajectories; None where there are none.
    """

    label: str
    strategy: str
    signals: Signals | None
    answers: tuple[str, ...]
    confidences: tuple[float, ...]
    right: tuple[bool, ...]
    frames: SheetFrames | None


@dataclass(frozen=True, eq=False)
class SampleSheet:
    """N samples of one setting and training seed, and what some points make of them.

    Args:
        kind: of the signals, "image" or "speech".
        rate: of the sounds, in Hz; 0 for images.
        numbers: the samples' own in the test split.
        truths: their true classes or texts.
        clean, corrupted: the signals.
        points: baselines, the paper's point of the swept strategy, and the sweep's named point.
    """

    kind: str
    rate: int
    numbers: tuple[int, ...]
    truths: tuple[str, ...]
    clean: Signals
    corrupted: Signals
    points: tuple[SheetPoint, ...]
