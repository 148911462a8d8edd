"""Standardising logits, and the hash of a network's weights."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from trainables.core.errors import UsageError


class LogitScale(nn.Module):
    """Standardises logits by the mean of each class and one common deviation of clean training logits,
    so that the geometry between classes is kept.
    """

    mean: Tensor
    deviation: Tensor
    largest: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(classes))
        self.register_buffer("deviation", torch.ones(()))
        self.register_buffer("largest", torch.ones(()))

    def fit(self, logits: Tensor) -> None:
        """Set the scale from raw logits (N, K); `largest` is the largest magnitude of standardised ones."""
        self.mean.copy_(logits.mean(dim=0))
        self.deviation.copy_((logits - self.mean).square().mean().sqrt())
        self.largest.copy_(self.standardised(logits).abs().max())

    def standardised(self, logits: Tensor) -> Tensor:
        """Standardised logits (B, K) of raw ones."""
        return (logits - self.mean) / self.deviation

    def restored(self, y: Tensor) -> Tensor:
        """Raw logits (B, K) of standardised ones."""
        return y * self.deviation + self.mean


class AudioLogitScale(LogitScale):
    """Standardises logits to the mean and deviation of the signals that the same process diffuses (E.5).

    As in the paper, one mean and one deviation serve all classes, so the largest standardised logit is
    the largest raw one.
    """

    def fit_to(self, logits: Tensor, mean: float, deviation: float) -> None:
        """Set the scale from raw clean logits (N, ..., K) such that the standardised ones have this
        mean and deviation: those of clean signals in the state that the process diffuses
        (compressed STFT coefficients, real and imaginary parts alike).

        Raises:
            UsageError: a deviation is zero or something is not finite.
        """
        spread = logits.std(correction=0)
        if not (deviation > 0 and bool(spread > 0) and bool(torch.isfinite(spread))):
            raise UsageError(
                f"logits of deviation {float(spread):g} cannot be scaled to signals of deviation "
                f"{deviation:g}: both must be positive; give more than one utterance, none silent"
            )
        self.deviation.copy_(spread / deviation)
        self.mean.copy_((logits.mean() - mean * self.deviation).expand_as(self.mean))
        ends = torch.stack(logits.aminmax())[
            :, None
        ]  # the extremes suffice: there may be many logits
        self.largest.copy_(self.standardised(ends).abs().max())


def weights_hash(network: nn.Module) -> str:
    """A hash of all weights of a network and their names: equal exactly if they are all equal."""
    hashed = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(network.state_dict().items()):
        hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        hashed.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return hashed.hexdigest()
