"""Waveforms as compressed complex spectrograms, as SGMSE sees them, and back.

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
    """The transform.

    Args:
        sample_rate: of the waveforms, Hz. The transform does not use it; it says what it is for, and
            data of another rate are resampled to it.
        n_fft: samples of the periodic Hann window, even; F is n_fft / 2 + 1 where all are kept.
        hop: samples from a frame to the next.
        alpha: exponent of the magnitude.
        beta: factor of the compressed magnitude.
        multiple: frames are filled up with silence to a multiple of this, which the network needs.
        bands: how many of the lowest frequencies are kept, 0 for all; those above are taken for
            silent, as they are in recordings of a lower rate.

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
        """(2, F, T) of a waveform of `length` samples, T with the filling."""
        return 2, self.frequencies, -(-self.frames(length) // self.multiple) * self.multiple

    @property
    def frequencies(self) -> int:
        """F, those that are kept."""
        return self.bands or self.n_fft // 2 + 1

    def frames(self, length: int) -> int:
        """Frames of a waveform of `length` samples, without the filling.

        Raises:
            UsageError: fewer samples than half a window, which cannot be mirrored at the ends.
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
            UsageError: too short a waveform.
        """
        shape = self.shape(waveform.shape[-1])
        spectrum = torch.stft(
            waveform, self.n_fft, self.hop, window=self._window(waveform), return_complex=True
        )
        kept = torch.view_as_real(spectrum[:, : self.frequencies])
        parts = _scaled(kept, self.alpha, self.beta).movedim(-1, 1)
        return functional.pad(parts, (0, shape[2] - parts.shape[-1]))

    def waveform(self, spectrogram: Tensor, length: int) -> Tensor:
        """The waveform (B, length) of a spectrogram (B, 2, F, T); the filling is cut off.

        Raises:
            UsageError: the spectrogram is not that of so many samples.
        """
        frames, given = self.frames(length), tuple(spectrogram.shape[1:])
        if given[:2] != (2, self.frequencies) or given[2] < frames:
            raise UsageError(
                f"a spectrogram is {given}, but {length} samples are {self.shape(length)}: give the "
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
        return torch.hann_window(self.n_fft, dtype=like.dtype, device=like.device)


SPECTROGRAM_16K = Spectrogram()
"""What SGMSE publishes for 16 kHz: F = 256."""

SPECTROGRAM_48K = Spectrogram(48_000, n_fft=1534, hop=384, alpha=0.667, beta=0.065)
"""What SGMSE publishes for 48 kHz: F = 768."""

PUBLISHED = {made.sample_rate: made for made in (SPECTROGRAM_16K, SPECTROGRAM_48K)}
"""What SGMSE publishes, by the rate in Hz."""


@dataclass(frozen=True)
class Sound:
    """Waveforms of one length as spectrograms, and back.

    Args:
        spectrogram: the transform.
        samples: of every waveform.
    """

    spectrogram: Spectrogram
    samples: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(2, F, T) of every spectrogram."""
        return self.spectrogram.shape(self.samples)

    def states(self, waveforms: Tensor) -> Tensor:
        """(B, 2, F, T) of waveforms (B, up to `samples`), best within [-1, 1] (see `peak`)."""
        missing = self.samples - waveforms.shape[1]
        return self.spectrogram.of(functional.pad(waveforms, (0, missing)))

    def waveforms(self, states: Tensor, rate: int = 0) -> Tensor:
        """Of spectrograms (B, 2, F, T): (B, samples), or at another rate, in Hz, as many as that has."""
        waves, own = self.spectrogram.waveform(states, self.samples), self.spectrogram.sample_rate
        return resampled(waves, own, rate or own)


def peak(waveform: Tensor) -> Tensor:
    """The largest magnitude of each waveform (B, L), as (B, 1); 1 for silence.

    SGMSE divides clean and corrupted speech by the corrupted one's, and multiplies what it made of
    them by it again.
    """
    largest = waveform.abs().amax(dim=-1, keepdim=True)
    return torch.where(largest > 0, largest, torch.ones_like(largest))


def _scaled(parts: Tensor, exponent: float, factor: float) -> Tensor:
    """factor |c|^exponent e^(i angle(c)) for complex c as (..., 2), 0 for 0."""
    magnitude = torch.linalg.vector_norm(parts, dim=-1, keepdim=True)
    tiny = torch.finfo(parts.dtype).tiny
    output: Tensor = parts * (factor * magnitude.clamp(min=tiny) ** (exponent - 1))
    return output
