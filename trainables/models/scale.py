"""Standardised logits, and what identifies a frozen network."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn


class LogitScale(nn.Module):
    """The one way to standardise logits: per-class mean and one common deviation of clean training
    logits, so that the geometry between classes is kept.
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
        """Set the scale from raw logits (N, K); `largest` is the largest magnitude after it."""
        self.mean.copy_(logits.mean(dim=0))
        self.deviation.copy_((logits - self.mean).square().mean().sqrt())
        self.largest.copy_(self.standardised(logits).abs().max())

    def standardised(self, logits: Tensor) -> Tensor:
        """Raw logits (B, K) to standardised ones."""
        return (logits - self.mean) / self.deviation

    def restored(self, y: Tensor) -> Tensor:
        """Standardised logits (B, K) to raw ones."""
        return y * self.deviation + self.mean


def weights_hash(network: nn.Module) -> str:
    """A hash of every weight of a network, by name: equal exactly where all weights are equal."""
    hashed = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(network.state_dict().items()):
        hashed.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        hashed.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return hashed.hexdigest()
