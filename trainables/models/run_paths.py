"""The paths by which a network can be run at evaluation, all of which compute the same but for rounding."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import torch
from torch import Tensor


class RunPath(StrEnum):
    """How a network is run.

    PLAIN: operation by operation. FROZEN: as a frozen graph. CHANNELS_LAST: operation by operation, with the
    channels of images beside each other in memory, as many kernels of convolutions want them. CAPTURED:
    as a CUDA graph, on a GPU alone.
    """

    PLAIN = "plain"
    FROZEN = "frozen"
    CHANNELS_LAST = "channels_last"
    CAPTURED = "captured"


class ChoosePath(Protocol):
    """What chooses the path of a network.

    Args:
        network: its name.
        usual: the path that is taken where none is better.
        call_of: of a path, a call of the network by it, on a batch of the size that is used.
    """

    def __call__(
        self, network: str, usual: RunPath, call_of: Callable[[RunPath], Callable[[], object]]
    ) -> RunPath: ...


def usual_path(
    network: str, usual: RunPath, call_of: Callable[[RunPath], Callable[[], object]]
) -> RunPath:
    """The usual path: the choice where nothing is timed."""
    return usual


def laid_out(value: Tensor) -> Tensor:
    """Images or features (B, C, H, W) with their channels beside each other; another tensor as it is."""
    return value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
