"""What networks compute in: bf16 on devices that gain by it, or as asked for."""

from __future__ import annotations

import torch

from trainables.core.errors import check_choice
from trainables.core.precision_names import PRECISIONS


def dtype_of(precision: str, device: torch.device) -> torch.dtype:
    """The type that a precision means on a device.

    Raises:
        UsageError: the precision is unknown.
    """
    check_choice("precision", precision, PRECISIONS)
    wanted = precision == "bf16" or (precision == "auto" and has_bfloat16(device))
    return torch.bfloat16 if wanted else torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bf16, rather than emulating it."""
    if device.type == "cuda":
        value: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return value
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16", False) or able.get("amx_bf16", False))
