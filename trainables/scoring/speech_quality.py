"""How near an enhanced waveform is to the clean one: SI-SDR, PESQ and ESTOI, an utterance at a time.

Not every utterance has every metric (silence, too short for a perceptual model): it is nan there,
and the reason is kept beside it.
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

_PESQ_RATE = 16_000  # wide-band PESQ knows no other
_FRAME = 0.03  # seconds, a little more than a frame of pystoi's


@dataclass(frozen=True)
class Measured:
    """A metric of N utterances: `values` (N,), nan where `reasons` (N,) says why, else ''."""

    values: np.ndarray
    reasons: tuple[str, ...]

    def mean(self) -> float:
        """The mean over the utterances that have a value, nan where none has."""
        known = self.values[~np.isnan(self.values)]
        return float(known.mean()) if len(known) else math.nan

    def missing(self) -> dict[str, int]:
        """How many utterances have no value, by reason."""
        return {reason: self.reasons.count(reason) for reason in sorted({*self.reasons} - {""})}


def si_sdr(estimates: Sequence[Tensor], references: Sequence[Tensor]) -> Measured:
    """Scale-invariant signal-to-distortion ratio in dB of waveforms (L,), means removed.

    10 log10(|a s|^2 / |a s - e|^2), a = <e, s> / |s|^2 (Le Roux et al. 2019, eq. 5): the larger the
    better, without bound. Computed in double precision; infinite where nothing but scale differs.

    Raises:
        UsageError: as `pesq`.
    """
    return _measured(_si_sdr, estimates, references)


def pesq(estimates: Sequence[Tensor], references: Sequence[Tensor], rate: int) -> Measured:
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
            raise _NotMeasured(_text(error)) from error
        except ValueError as error:  # the package's own scaling of a signal with nothing audible
            raise _NotMeasured(f"PESQ cannot align it: {error}") from error

    return _measured(value, estimates, references)


def estoi(estimates: Sequence[Tensor], references: Sequence[Tensor], rate: int) -> Measured:
    """Extended short-time objective intelligibility of waveforms (L,) at `rate` Hz, about 0 to 1.

    Jensen & Taal 2016, by pystoi; 30 frames (0.4 s) that are not silent are needed. pystoi adds noise
    of 2e-16 from numpy's global generator: values repeat to rounding only.

    Raises:
        UsageError: there are not as many estimates as references, or two differ in length.
    """
    from pystoi import stoi

    def value(estimate: np.ndarray, reference: np.ndarray) -> float:
        if len(reference) < _FRAME * rate:
            raise _NotMeasured("not one frame of ESTOI")  # which pystoi would fail for
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)  # else a made-up 1e-5 comes back
            try:
                return float(stoi(reference, estimate, rate, extended=True))
            except RuntimeWarning as warning:
                raise _NotMeasured(str(warning).split(".")[0]) from warning

    return _measured(value, estimates, references)


class _NotMeasured(Exception):
    """An utterance has no value of a metric; the message says why."""


def _si_sdr(estimate: np.ndarray, reference: np.ndarray) -> float:
    e, s = (torch.from_numpy(signal - signal.mean()) for signal in (estimate, reference))
    target = (e @ s) / (s @ s) * s
    return float(10 * torch.log10(target.square().sum() / (target - e).square().sum()))


def _measured(
    value: Callable[[np.ndarray, np.ndarray], float],
    estimates: Sequence[Tensor],
    references: Sequence[Tensor],
) -> Measured:
    """`value(estimate, reference)` of every pair, in double precision."""
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
        reasons[n] = _unfit("estimate", estimate) or _unfit("reference", reference)
        if not reasons[n]:
            try:
                values[n] = value(estimate, reference)
            except _NotMeasured as error:
                reasons[n] = str(error)
    return Measured(values, tuple(reasons))


def _unfit(name: str, signal: np.ndarray) -> str:
    """Why no measure can be taken of a signal, '' where one can."""
    if not np.isfinite(signal).all():
        return f"the {name} is not finite"
    if len(signal) == 0 or np.ptp(signal) == 0:
        return f"the {name} is silent"
    return ""


def _text(error: Exception) -> str:
    """The message of an error whose text may be bytes."""
    text = error.args[0] if error.args else type(error).__name__
    return text.decode() if isinstance(text, bytes) else str(text)
