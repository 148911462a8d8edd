"""Reading sound files as float32 at a given rate, mono or by channel, and resampling waveforms."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainables.core.errors import UsageError

RATE = 16_000  # Hz, what Whisper hears
# What libsndfile notes where a WAV file's data are shorter than its header says.
_TRUNCATED = re.compile(r"^data\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_LENGTH = 2**31 - 1  # bytes; programs that stream write this or more into the header


def read_audio(path: Path, rate: int = RATE, only_rate: int | None = None) -> Tensor:
    """A recording as (L,) float32 in [-1, 1] at `rate` Hz; several channels are averaged.

    Args:
        path: any file that libsndfile reads, WAV and FLAC among them.
        rate: the rate of the result in Hz, to which the recording is resampled.
        only_rate: the rate in Hz that the file must have; None for any.

    Raises:
        UsageError: the file is missing, broken, cut off, empty, silent throughout or of another
            rate than `only_rate`, or has values that are not finite.
    """
    return read_channels(path, rate, only_rate).mean(dim=0)


def read_channels(path: Path, rate: int = RATE, only_rate: int | None = None) -> Tensor:
    """All channels of a recording, (C, L) float32 in [-1, 1]; otherwise as `read_audio`.

    Raises:
        UsageError: as `read_audio`.
    """
    samples, file_rate = _samples(path)
    if only_rate is not None and file_rate != only_rate:
        raise UsageError(
            f"{path} is at {file_rate} Hz, but must be at {only_rate} Hz: give the recording as it "
            "was published, or convert it"
        )
    if len(samples) == 0:
        raise UsageError(f"{path} is empty: it has no samples, remove it")
    if not np.isfinite(samples).all():
        raise UsageError(f"{path} has values that are not finite: mend it or remove it")
    if not samples.any():
        raise UsageError(f"{path} is silent throughout: remove it")
    return resampled(torch.from_numpy(np.ascontiguousarray(samples.T)), file_rate, rate)


def resampled(wave: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """A waveform (..., L) resampled to another rate in Hz, (..., ceil(L to_rate / from_rate))."""
    if from_rate == to_rate:
        return wave
    output: Tensor = _resampler(from_rate, to_rate, wave.dtype, wave.device)(wave)
    return output


@functools.lru_cache(maxsize=16)
def _resampler(
    from_rate: int, to_rate: int, dtype: torch.dtype, device: torch.device
) -> Callable[[Tensor], Tensor]:
    """torchaudio's resampling filter of these rates; it is cached, as making it takes long."""
    from torchaudio.transforms import Resample

    resampler: Callable[[Tensor], Tensor] = Resample(from_rate, to_rate, dtype=dtype).to(device)
    return resampler


def _samples(path: Path) -> tuple[np.ndarray, int]:
    """All samples (L, C) of a file and their rate in Hz.

    Raises:
        UsageError: the file is missing, broken or cut off.
    """
    import soundfile

    if not path.is_file():
        raise UsageError(f"there is no file {path}: put it there, or name another directory")
    try:
        with soundfile.SoundFile(path) as file:
            samples = file.read(dtype="float32", always_2d=True)
            rate, length, notes = file.samplerate, file.frames, file.extra_info
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(error).rsplit(": ", 1)[-1].split("\n")[0].rstrip(".")
        raise UsageError(
            f"{path} cannot be read as audio ({reason}): mend it or remove it"
        ) from error
    truncated = _TRUNCATED.search(notes)
    if truncated and int(truncated[2]) < int(truncated[1]) < _UNKNOWN_LENGTH:
        raise UsageError(
            f"{path} is cut off: its header promises {truncated[1]} bytes of sound, it has "
            f"{truncated[2]}: copy it again or remove it"
        )
    if len(samples) < length:
        raise UsageError(
            f"{path} is cut off: its header promises {length} samples, it has {len(samples)}: copy "
            "it again or remove it"
        )
    return samples, rate
