"""Waiting for the device that tensors are on."""

from __future__ import annotations

import torch


def synchronise(device: torch.device) -> None:
    """Wait for a GPU, so that a clock that is read afterwards tells how long the work took."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
