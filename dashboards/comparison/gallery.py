"""Samples as strategies restore and answer them, as pictures and sounds that a page can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """A moment of a reverse trajectory.

    Args:
        level: the noise level that it was estimated at, as a fraction of T, from 1 (noise) to 0 (clean).
            Where signal and logits are sampled in different numbers of steps, the one of fewer stands as it
            was estimated last at no lower level.
        picture: the clean estimate x0_hat as a PNG; None where no signal is sampled.
        classes: the likeliest classes with their probabilities, the likeliest first.
    """

    level: float
    picture: bytes | None
    classes: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Shown:
    """Signals of some samples, and what was answered for them. All tuples have one entry a sample.

    Args:
        pictures: PNGs: the images, or spectrograms of speech.
        sounds: WAV files; empty for images.
        answers: the answered classes or texts; empty for the clean and the corrupted signals.
        confidences: the probability of the answer, in [0, 1]; empty where there is none.
        right: whether each answer is right.
        trajectories: the frames of the first samples, in order of falling level; may be fewer than samples.
    """

    pictures: tuple[bytes, ...]
    sounds: tuple[bytes, ...] = ()
    answers: tuple[str, ...] = ()
    confidences: tuple[float, ...] = ()
    right: tuple[bool, ...] = ()
    trajectories: tuple[tuple[Frame, ...], ...] = ()


@dataclass(frozen=True)
class Gallery:
    """The same samples of one setting and training seed, restored by each strategy's named point.

    Args:
        numbers: the samples' own in the test split.
        truths: their true classes or texts.
        clean, corrupted: the signals.
        restored: by the points' labels.
        strategies: the strategy of each label in `restored`.
        notes: what people should know, such as which sweep's samples are left out and why.
    """

    numbers: tuple[int, ...]
    truths: tuple[str, ...]
    clean: Shown
    corrupted: Shown
    restored: Mapping[str, Shown]
    strategies: Mapping[str, str]
    notes: tuple[str, ...] = ()
