"""Noise under speech at a drawn signal-to-noise ratio; babble made of several voices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trainables.core.errors import UsageError

_ALL = slice(None)


def power_ratio(speech: Tensor, noise: Tensor) -> float:
    """10 log10 of the power of speech over that of noise, both (L,), in dB."""
    return float(10 * torch.log10(speech.double().square().mean() / noise.double().square().mean()))


def mixed(speech: Tensor, noise: Tensor, snr: float, spoken: slice = _ALL) -> Tensor:
    """speech + g noise, (L,), with g such that their powers in `spoken` differ by `snr` dB.

    Args:
        speech, noise: (L,) float32.
        snr: dB.
        spoken: the samples that count, where there is silence around the speech.

    Raises:
        UsageError: one of the two is silent there.
    """
    for name, wave in (("speech", speech), ("noise", noise)):
        if not bool(wave[spoken].any()):
            raise UsageError(f"the {name} to be mixed at {snr:.1f} dB is silent: leave it out")
    excess = power_ratio(speech[spoken], noise[spoken]) - snr
    return speech + 10 ** (excess / 20) * noise


def drawn(low: float, high: float, generator: torch.Generator) -> float:
    """A number drawn uniformly from [low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def piece(noise: Tensor, length: int, generator: torch.Generator) -> Tensor:
    """`length` samples of the noise (L,) from a drawn start on; a shorter noise is repeated."""
    if len(noise) < length:
        noise = noise.repeat(-(-length // len(noise)))
        return noise.roll(int(drawn(0, len(noise), generator)))[:length]
    start = int(drawn(0, len(noise) - length + 1, generator))
    return noise[start : start + length]


def babble(voices: Sequence[Sequence[Tensor]], length: int, generator: torch.Generator) -> Tensor:
    """The sum (length,) of voices, each its utterances one after the other, all equally loud.

    Each voice is of unit power and begins at a drawn place; it is repeated where it is too short.
    """
    total = torch.zeros(length)
    for utterances in voices:
        voice = torch.cat(list(utterances))
        total += piece(voice / voice.square().mean().sqrt(), length, generator)
    return total
