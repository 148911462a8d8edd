"""Reading sound files: mono or by channel, float32, at the rate asked for, one clear line if broken."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainables.core.errors import UsageError

RATE = 16_000  # Hz, what Whisper hears
# What libsndfile notes where a WAV file's data are shorter than its header says.
_CUT_OFF = re.compile(r"^data\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_LENGTH = 2**31 - 1  # bytes and more: written by programs that stream and do not know


def read_audio(path: Path, rate: int = RATE, only_rate: int | None = None) -> Tensor:
    """A recording as (L,) float32 in [-1, 1] at `rate` Hz; several channels are averaged.

    Args:
        path: any file that libsndfile reads, WAV and FLAC among them.
        rate: Hz of what is returned; another is resampled.
        only_rate: the one rate in Hz the file may have; None for any.

    Raises:
        UsageError: the file is missing, broken, cut off, empty, silent throughout or of another
            rate than `only_rate`, or has values that are not finite.
    """
    return read_channels(path, rate, only_rate).mean(dim=0)


def read_channels(path: Path, rate: int = RATE, only_rate: int | None = None) -> Tensor:
    """A recording by its channels, (C, L) float32 in [-1, 1]; otherwise as `read_audio`.

    Raises:
        UsageError: as `read_audio`.
    """
    samples, own_rate = _samples(path)
    if only_rate is not None and own_rate != only_rate:
        raise UsageError(
            f"{path} is at {own_rate} Hz, but must be at {only_rate} Hz: give the recording as it "
            "was published, or convert it"
        )
    if len(samples) == 0:
        raise UsageError(f"{path} is empty: it has no samples, remove it")
    if not np.isfinite(samples).all():
        raise UsageError(f"{path} has values that are not finite: mend it or remove it")
    if not samples.any():
        raise UsageError(f"{path} is silent throughout: remove it")
    return resampled(torch.from_numpy(np.ascontiguousarray(samples.T)), own_rate, rate)


def resampled(wave: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """A waveform (..., L) at another rate in Hz, (..., ceil(L to_rate / from_rate)), on its device."""
    if from_rate == to_rate:
        return wave
    output: Tensor = _resampler(from_rate, to_rate, wave.dtype, wave.device)(wave)
    return output


@functools.lru_cache(maxsize=16)
def _resampler(from_rate: int, to_rate: int, dtype: torch.dtype, device: torch.device) -> Any:
    """torchaudio's filter of these rates, made once."""
    from torchaudio.transforms import Resample

    return Resample(from_rate, to_rate, dtype=dtype).to(device)


def _samples(path: Path) -> tuple[np.ndarray, int]:
    """All samples (L, C) and the rate in Hz."""
    import soundfile

    if not path.is_file():
        raise UsageError(f"there is no file {path}: put it there, or name another directory")
    try:
        with soundfile.SoundFile(path) as file:
            samples = file.read(dtype="float32", always_2d=True)
            rate, promised, notes = file.samplerate, file.frames, file.extra_info
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(error).rsplit(": ", 1)[-1].split("\n")[0].rstrip(".")
        raise UsageError(
            f"{path} cannot be read as audio ({reason}): mend it or remove it"
        ) from error
    cut = _CUT_OFF.search(notes)
    if cut and int(cut[2]) < int(cut[1]) < _UNKNOWN_LENGTH:
        raise UsageError(
            f"{path} is cut off: its header promises {cut[1]} bytes of sound, it has {cut[2]}: copy "
            "it again or remove it"
        )
    if len(samples) < promised:
        raise UsageError(
            f"{path} is cut off: its header promises {promised} samples, it has {len(samples)}: copy "
            "it again or remove it"
        )
    return samples, rate
