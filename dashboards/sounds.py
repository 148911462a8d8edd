"""Sounds as files that browsers play."""

from __future__ import annotations

import io
import wave

import numpy as np


def wav(samples: np.ndarray, rate: int) -> bytes:
    """A waveform (L,) of int16 as a WAV file of one channel; `rate` is in Hz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def int16(waveforms: np.ndarray) -> np.ndarray:
    """Waveforms in [-1, 1], of any shape, as int16; what lies outside is cut off."""
    samples: np.ndarray = (np.clip(waveforms, -1, 1) * 32767).round().astype(np.int16)
    return samples
