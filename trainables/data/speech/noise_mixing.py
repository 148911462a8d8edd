"""Noise under speech at a drawn signal-to-noise ratio, of power or of loudness; babble of several voices.

A ratio of powers counts every sample. A ratio of loudness (ITU-R BS.1770-4) weights frequencies as they
are heard, and its gates leave out what is 10 dB under the rest, such as pauses of speech. pyloudnorm
measures it, as in the EARS benchmark, whose mixtures are to be had again. torchaudio's meter agrees with
it within 0.001 dB on quiet waves, but clips what it has weighted to ±1: it finds a sine of 3 kHz that
nearly fills the range 2 dB too quiet, and recordings of EARS may be as loud.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from trainables.core.errors import UsageError

_ALL = slice(None)
_BLOCK = 0.4  # seconds, which loudness is measured in


def power_ratio(speech: Tensor, noise: Tensor) -> float:
    """10 log10 of the power of speech over that of noise, both (L,), in dB."""
    return float(10 * torch.log10(speech.double().square().mean() / noise.double().square().mean()))


def loudness(wave: Tensor, rate: int, name: str) -> float:
    """Integrated loudness by ITU-R BS.1770-4, gated, in LUFS.

    Args:
        wave: (L,) float32.
        rate: Hz.
        name: of the wave, for the error.

    Raises:
        UsageError: it is shorter than a block of 0.4 s, or nowhere louder than -70 LUFS, so that the
            gates let nothing pass.
    """
    from pyloudnorm import Meter

    if len(wave) >= _BLOCK * rate:
        level = float(Meter(rate).integrated_loudness(wave.double().numpy()))
        if math.isfinite(level):
            return level
    raise UsageError(
        f"{name} has no loudness ({len(wave) / rate:.2f} s, peak {float(wave.abs().amax()):.2g}): it "
        f"must last {_BLOCK} s and somewhere be louder than -70 LUFS; leave it out"
    )


def mixed_by_loudness(speech: Tensor, noise: Tensor, snr: float, rate: int) -> tuple[Tensor, float]:
    """speech + g noise, (L,), with g such that their loudness differs by `snr` dB, and the dB it came to.

    As in the EARS benchmark (Richter et al. 2024), `snr` is raised by 1 dB as long as the mixture
    reaches ±1.

    Args:
        speech, noise: (L,) float32.
        snr: dB.
        rate: Hz.

    Raises:
        UsageError: one of the two has no loudness, or the speech itself reaches ±1.
    """
    if float(speech.abs().amax()) >= 1:
        raise UsageError("the speech to be mixed reaches ±1, so that any noise clips: leave it out")
    difference = loudness(speech, rate, "the speech") - loudness(noise, rate, "the noise")
    mixture = speech + 10 ** ((difference - snr) / 20) * noise
    while float(mixture.abs().amax()) >= 1:
        snr += 1
        mixture = speech + 10 ** ((difference - snr) / 20) * noise
    return mixture, snr


def mixed_by_power(speech: Tensor, noise: Tensor, snr: float, spoken: slice = _ALL) -> Tensor:
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
