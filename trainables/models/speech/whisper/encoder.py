"""Whisper's log-mel spectrograms and its encoder, for inputs of any length up to 30 s.

Whisper pads every utterance to 30 s. Here the spectrogram has the length of the context, and the
encoder's positional embedding is cut to it: at 30 s the features are Whisper's own; for less they
differ, since attention is global, but cost a tenth or less.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from whisper.audio import HOP_LENGTH, N_FFT, SAMPLE_RATE, mel_filters
from whisper.model import AudioEncoder

from trainables.core.errors import UsageError

SAMPLES_PER_FRAME = 2 * HOP_LENGTH  # the encoder's second convolution has stride 2
_SMALLEST_POWER = 1e-10
_RANGE = 8.0  # decades below the loudest bin, at which the spectrogram is clamped


class LogMel(nn.Module):
    """Whisper's log-mel spectrogram of a batch, each utterance normalised by its own loudest bin."""

    window: Tensor
    filters: Tensor

    def __init__(self, n_mels: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.register_buffer("filters", mel_filters("cpu", n_mels).clone(), persistent=False)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Waveforms (B, L) at 16 kHz in [-1, 1] to (B, mel bands, L // 160)."""
        spectrum = torch.stft(waveforms, N_FFT, HOP_LENGTH, window=self.window, return_complex=True)
        power = self.filters @ spectrum[..., :-1].abs().square()
        log = power.clamp(min=_SMALLEST_POWER).log10()
        floor = log.amax(dim=(1, 2), keepdim=True) - _RANGE
        return (torch.maximum(log, floor) + 4.0) / 4.0


def frames_of(context: float, encoder: AudioEncoder) -> int:
    """Encoder frames, 20 ms each, that hold `context` seconds.

    Raises:
        UsageError: it is not more than 0, or more than the encoder takes.
    """
    frames = len(encoder.positional_embedding)
    longest = frames * SAMPLES_PER_FRAME / SAMPLE_RATE
    if not 0 < context <= longest:
        raise UsageError(
            f"the recogniser's context is {context} s, but must be more than 0 and at most the "
            f"{longest:g} s that this Whisper hears"
        )
    value: int = math.ceil(round(context * SAMPLE_RATE / SAMPLES_PER_FRAME, 6))
    return value


def fit_length(waveforms: Tensor, frames: int, lead: int = 0) -> Tensor:
    """Waveforms (B, L) after `lead` zeros, padded with zeros or cut to (B, frames * 320)."""
    samples = frames * SAMPLES_PER_FRAME
    padded = functional.pad(waveforms, (lead, 0))[:, :samples]
    return functional.pad(padded, (0, samples - padded.shape[1]))


def encode(encoder: AudioEncoder, mel: Tensor) -> Tensor:
    """Log-mel spectrograms (B, mel bands, 2 N) to features (B, N, width)."""
    x = functional.gelu(encoder.conv2(functional.gelu(encoder.conv1(mel)))).transpose(1, 2)
    x = x + encoder.positional_embedding[: x.shape[1]].to(x.dtype)
    for block in encoder.blocks:
        x = block(x)
    output: Tensor = encoder.ln_post(x)
    return output
