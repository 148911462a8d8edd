"""Compressed complex spectrograms of waveforms, as SGMSE has them, and their inverse.

A coefficient c of the short-time Fourier transform becomes beta |c|^alpha e^(i angle(c)), which
brings loud and quiet parts closer together (Richter et al. 2023). Real and imaginary
parts are two channels: waveforms (B, L) become (B, 2, F, T).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from trainables.core.errors import UsageError, check_range
from trainables.data.audio import resampled


@dataclass(frozen=True)
class Spectrogram:
    """The transform of waveforms into spectrograms.

    Args:
        sample_rate: the rate in Hz of the waveforms that the transform is for; data of another rate
            are resampled to it.
        n_fft: samples of the periodic Hann window, even; F is n_fft / 2 + 1 if all bands are kept.
        hop: samples from one frame to the next.
        alpha: exponent of the magnitude.
        beta: factor of the compressed magnitude.
        multiple: frames are padded with silence to a multiple of this, which the network needs.
        bands: how many of the lowest frequencies are kept, 0 for all; the inverse takes those above
            as silent, which they are in recordings of a lower rate.

    Raises:
        UsageError: a number is out of range.
    """

    sample_rate: int = 16_000
    n_fft: int = 510
    hop: int = 128
    alpha: float = 0.5
    beta: float = 0.15
    multiple: int = 64
    bands: int = 0

    def __post_init__(self) -> None:
        check_range("spectrogram sample_rate", self.sample_rate, 1, 1_000_000)
        check_range("spectrogram n_fft", self.n_fft, 4, 65_536)
        check_range("spectrogram hop", self.hop, 1, self.n_fft // 2)
        check_range("spectrogram alpha", self.alpha, 0.05, 1)
        check_range("spectrogram beta", self.beta, 1e-6, 1e6)
        check_range("spectrogram multiple", self.multiple, 1, 4096)
        check_range("spectrogram bands", self.bands, 0, self.n_fft // 2 + 1)
        if self.n_fft % 2:
            raise UsageError(f"spectrogram n_fft is {self.n_fft}, but must be even")

    def shape(self, length: int) -> tuple[int, int, int]:
        """The shape (2, F, T) for a waveform of `length` samples, padding included."""
        return 2, self.frequencies, -(-self.frames(length) // self.multiple) * self.multiple

    @property
    def frequencies(self) -> int:
        """F, the number of frequencies that are kept."""
        return self.bands or self.n_fft // 2 + 1

    def frames(self, length: int) -> int:
        """The number of frames of a waveform of `length` samples, without padding.

        Raises:
            UsageError: the samples are fewer than half a window, and cannot be mirrored at the ends.
        """
        if length <= self.n_fft // 2:
            raise UsageError(
                f"a waveform has {length} samples, but {self.n_fft // 2 + 1} are needed at least: "
                "add silence to it, or leave it out"
            )
        return 1 + length // self.hop

    def of(self, waveform: Tensor) -> Tensor:
        """The spectrogram (B, 2, F, T) of a waveform (B, L), best within [-1, 1] (see `peak`).

        Raises:
            UsageError: the waveform is too short.
        """
        shape = self.shape(waveform.shape[-1])
        spectrum = torch.stft(
            waveform, self.n_fft, self.hop, window=self._window(waveform), return_complex=True
        )
        parts = torch.view_as_real(spectrum[:, : self.frequencies])
        parts = _scaled(parts, self.alpha, self.beta).movedim(-1, 1)
        return functional.pad(parts, (0, shape[2] - parts.shape[-1]))

    def waveform(self, spectrogram: Tensor, length: int) -> Tensor:
        """The waveform (B, length) of a spectrogram (B, 2, F, T); the padding is cut off.

        Raises:
            UsageError: the spectrogram does not have the shape of one of `length` samples.
        """
        frames, shape = self.frames(length), tuple(spectrogram.shape[1:])
        if shape[:2] != (2, self.frequencies) or shape[2] < frames:
            raise UsageError(
                f"a spectrogram is {shape}, but {length} samples are {self.shape(length)}: give the "
                "length and the settings that it was made with"
            )
        parts = spectrogram[..., :frames].movedim(1, -1) / self.beta
        spectrum = torch.view_as_complex(_scaled(parts, 1 / self.alpha, 1.0).contiguous())
        silent = self.n_fft // 2 + 1 - self.frequencies
        spectrum = functional.pad(spectrum, (0, 0, 0, silent))
        return torch.istft(
            spectrum, self.n_fft, self.hop, window=self._window(spectrogram), length=length
        )

    def _window(self, like: Tensor) -> Tensor:
        """The Hann window, of the type and on the device of another tensor."""
        return torch.hann_window(self.n_fft, dtype=like.dtype, device=like.device)


SPECTROGRAM_16K = Spectrogram()
"""The transform of SGMSE's published networks for 16 kHz, F = 256."""

SPECTROGRAM_48K = Spectrogram(48_000, n_fft=1534, hop=384, alpha=0.667, beta=0.065)
"""The transform of SGMSE's published networks for 48 kHz, F = 768."""

PUBLISHED = {transform.sample_rate: transform for transform in (SPECTROGRAM_16K, SPECTROGRAM_48K)}
"""The transforms of SGMSE's published networks, by the rate in Hz."""


@dataclass(frozen=True)
class Sound:
    """The transform of waveforms of one length into spectrograms, and its inverse.

    Args:
        spectrogram: the transform.
        samples: the number of samples of every waveform.
    """

    spectrogram: Spectrogram
    samples: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (2, F, T) of every spectrogram."""
        return self.spectrogram.shape(self.samples)

    def states(self, waveforms: Tensor) -> Tensor:
        """Spectrograms (B, 2, F, T) of waveforms (B, `samples` or fewer), best in [-1, 1] (see `peak`)."""
        missing = self.samples - waveforms.shape[1]
        return self.spectrogram.of(functional.pad(waveforms, (0, missing)))

    def waveforms(self, states: Tensor, rate: int = 0) -> Tensor:
        """Waveforms (B, samples) of spectrograms (B, 2, F, T), resampled to `rate` in Hz unless it is 0."""
        waves = self.spectrogram.waveform(states, self.samples)
        return resampled(waves, self.spectrogram.sample_rate, rate or self.spectrogram.sample_rate)


def peak(waveform: Tensor) -> Tensor:
    """The largest magnitude of each waveform (B, L), as (B, 1); 1 for silence.

    SGMSE divides clean and corrupted speech by the peak of the corrupted one, and multiplies enhanced
    speech by it.
    """
    largest = waveform.abs().amax(dim=-1, keepdim=True)
    return torch.where(largest > 0, largest, torch.ones_like(largest))


def _scaled(parts: Tensor, exponent: float, factor: float) -> Tensor:
    """factor |c|^exponent e^(i angle(c)) for complex c as (..., 2), 0 for 0."""
    magnitude = torch.linalg.vector_norm(parts, dim=-1, keepdim=True)
    tiny = torch.finfo(parts.dtype).tiny
    output: Tensor = parts * (factor * magnitude.clamp(min=tiny) ** (exponent - 1))
    return output
