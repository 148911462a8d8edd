"""Impulse responses of rooms, whose direct path has gain 1: reading them, their RT60, reverberation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainables.core.errors import UsageError
from trainables.data.audio import read_channels


@dataclass(frozen=True)
class Response:
    """An impulse response whose direct path is 1 at `taps[lead]`, so that speech is not delayed.

    Args:
        taps: (K,) float64.
        lead: the number of taps before the direct path, the front of a fractional delay's filter.
        rt60: seconds, measured from the taps.
    """

    taps: np.ndarray
    lead: int
    rt60: float


def measured_rt60(taps: np.ndarray, rate: int, decay: float = 20.0) -> float:
    """RT60 in seconds of an impulse response (K,) at `rate` Hz, by Schroeder's backward integration.

    A line is fitted to the decay from -5 dB to -5 - `decay` dB (20 is ISO 3382's T20).
    """
    import pyroomacoustics

    return float(pyroomacoustics.experimental.measure_rt60(taps, fs=rate, decay_db=decay))


def reverberated(wave: Tensor, response: Response) -> Tensor:
    """A waveform (L,) in the room, (L,) float32, whose direct sound is not delayed and as loud as before."""
    from scipy.signal import oaconvolve

    whole = oaconvolve(wave.double().numpy(), response.taps)
    speech = whole[response.lead : response.lead + len(wave)]
    return torch.from_numpy(speech.astype(np.float32))


def read_response(path: Path, rate: int, draw: float) -> Response:
    """One channel of a measured response, resampled to `rate` Hz.

    The taps before the direct path, the largest tap, are cut off (paper, E.2), and it is scaled to 1.

    Args:
        path: an audio file of one channel or more.
        rate: the rate of the result in Hz.
        draw: a number in [0, 1) that chooses the channel.

    Raises:
        UsageError: the file cannot be read, or does not decay.
    """
    channels = read_channels(path, rate).double().numpy()
    taps = channels[int(draw * len(channels))]
    direct = int(np.abs(taps).argmax())
    if taps[direct] == 0:
        raise UsageError(f"{path}: a channel is silent throughout: mend it or remove it")
    taps = taps[direct:] / taps[direct]
    rt60 = measured_rt60(taps, rate, decay=30.0)
    if not 0 < rt60 < np.inf:
        raise UsageError(f"{path} does not decay, so it is no impulse response: remove it")
    return Response(taps, 0, rt60)
