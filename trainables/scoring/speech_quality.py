"""How near enhanced waveforms are to clean ones: SI-SDR, PESQ and ESTOI of each utterance.

Not every utterance has every metric (it may be silent, or too short for a perceptual model): its value
is nan then, and the reason is kept beside it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainables.core.errors import UsageError

_PESQ_RATE = 16_000  # Hz, the one rate that wide-band PESQ is defined at
_FRAME = 0.03  # seconds, a little more than a frame of pystoi's


@dataclass(frozen=True)
class UtteranceScores:
    """A metric of N utterances: `values` (N,), nan where `reasons` (N,) says why, else ''."""

    values: np.ndarray
    reasons: tuple[str, ...]

    def mean(self) -> float:
        """The mean over the utterances that have a value; nan if none has."""
        values = self.values[~np.isnan(self.values)]
        return float(values.mean()) if len(values) else math.nan

    def missing(self) -> dict[str, int]:
        """The number of utterances without a value, by reason."""
        return {reason: self.reasons.count(reason) for reason in sorted({*self.reasons} - {""})}


def si_sdr(estimates: Sequence[Tensor], references: Sequence[Tensor]) -> UtteranceScores:
    """Scale-invariant signal-to-distortion ratio in dB of waveforms (L,), means removed.

    10 log10(|a s|^2 / |a s - e|^2), a = <e, s> / |s|^2 (Le Roux et al. 2019, eq. 5): the larger the
    better, without bound. Computed in double precision; infinite where nothing but scale differs.

    Raises:
        UsageError: there are not as many estimates as references, or two differ in length.
    """
    return _scores(_si_sdr, estimates, references)


def pesq(estimates: Sequence[Tensor], references: Sequence[Tensor], rate: int) -> UtteranceScores:
    """Wide-band PESQ (ITU-T P.862.2) of waveforms (L,) at 16 kHz, about 1.0 to 4.6, more is better.

    Raises:
        UsageError: there are not as many estimates as references, two differ in length, or the rate
            is another.
    """
    from pesq import PesqError
    from pesq import pesq as score

    if rate != _PESQ_RATE:
        raise UsageError(
            f"PESQ was asked for at {rate} Hz, but wide-band PESQ is defined at {_PESQ_RATE} Hz: "
            "resample the waveforms"
        )

    def value(estimate: np.ndarray, reference: np.ndarray) -> float:
        try:
            return float(score(rate, reference, estimate, "wb"))
        except PesqError as error:
            raise _NoScore(_message(error)) from error
        except ValueError as error:  # raised where the package scales a signal with nothing audible
            raise _NoScore(f"PESQ cannot align it: {error}") from error

    return _scores(value, estimates, references)


def estoi(estimates: Sequence[Tensor], references: Sequence[Tensor], rate: int) -> UtteranceScores:
    """Extended short-time objective intelligibility of waveforms (L,) at `rate` Hz, about 0 to 1.

    Jensen & Taal 2016, by pystoi; 30 frames (0.4 s) that are not silent are needed. pystoi adds noise
    of 2e-16 from numpy's global generator: values repeat to rounding only.

    Raises:
        UsageError: there are not as many estimates as references, or two differ in length.
    """
    from pystoi import stoi

    def value(estimate: np.ndarray, reference: np.ndarray) -> float:
        if len(reference) < _FRAME * rate:
            raise _NoScore("not one frame of ESTOI")  # pystoi would fail
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error", RuntimeWarning
            )  # otherwise pystoi returns a meaningless 1e-5
            try:
                return float(stoi(reference, estimate, rate, extended=True))
            except RuntimeWarning as warning:
                raise _NoScore(str(warning).split(".")[0]) from warning

    return _scores(value, estimates, references)


class _NoScore(Exception):
    """An utterance has no score; the message says why."""


def _si_sdr(estimate: np.ndarray, reference: np.ndarray) -> float:
    """SI-SDR in dB of one waveform (L,), given its reference (L,)."""
    e, s = (torch.from_numpy(signal - signal.mean()) for signal in (estimate, reference))
    target = (e @ s) / (s @ s) * s
    return float(10 * torch.log10(target.square().sum() / (target - e).square().sum()))


def _scores(
    value: Callable[[np.ndarray, np.ndarray], float],
    estimates: Sequence[Tensor],
    references: Sequence[Tensor],
) -> UtteranceScores:
    """The scores `value(estimate, reference)` of all pairs, as double-precision arrays.

    Raises:
        UsageError: there are not as many estimates as references, or two differ in length.
    """
    if len(estimates) != len(references):
        raise UsageError(
            f"{len(estimates)} estimates and {len(references)} references were given, but a signal "
            "measure compares one with one"
        )
    values, reasons = np.full(len(references), math.nan), [""] * len(references)
    for n, pair in enumerate(zip(estimates, references, strict=True)):
        estimate, reference = (signal.detach().cpu().double().numpy() for signal in pair)
        if estimate.ndim != 1 or estimate.shape != reference.shape:
            raise UsageError(
                f"estimate and reference {n} have the shapes {estimate.shape} and {reference.shape}, "
                "but must be waveforms (L,) of one length"
            )
        reasons[n] = _defect("estimate", estimate) or _defect("reference", reference)
        if not reasons[n]:
            try:
                values[n] = value(estimate, reference)
            except _NoScore as error:
                reasons[n] = str(error)
    return UtteranceScores(values, tuple(reasons))


def _defect(name: str, signal: np.ndarray) -> str:
    """The reason why a signal has no score; '' if it has one."""
    if not np.isfinite(signal).all():
        return f"the {name} is not finite"
    if len(signal) == 0 or np.ptp(signal) == 0:
        return f"the {name} is silent"
    return ""


def _message(error: Exception) -> str:
    """The message of an error whose text may be bytes."""
    text = error.args[0] if error.args else type(error).__name__
    return text.decode() if isinstance(text, bytes) else str(text)
