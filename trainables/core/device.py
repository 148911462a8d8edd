"""Waiting for the device that tensors are on, and sending it what need not be waited for."""

from __future__ import annotations

import torch
from torch import Tensor


def moved(values: Tensor, device: torch.device) -> Tensor:
    """Values, such as noise, which is drawn on the CPU, on a device; a GPU does not wait for them."""
    if device.type == "cuda" and not values.is_cuda:
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def synchronise(device: torch.device) -> None:
    """Wait for a GPU, so that a clock that is read afterwards tells how long the work took."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
