"""The floating-point type that networks compute in: bf16 where the hardware has it, or a chosen one."""

from __future__ import annotations

import torch

from trainables.core.errors import check_choice
from trainables.core.precision_names import PRECISIONS


def dtype_of(precision: str, device: torch.device) -> torch.dtype:
    """The floating-point type that the name of a precision means on a device.

    Raises:
        UsageError: the precision is unknown.
    """
    check_choice("precision", precision, PRECISIONS)
    is_bfloat16 = precision == "bf16" or (precision == "auto" and has_bfloat16(device))
    return torch.bfloat16 if is_bfloat16 else torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device computes in bf16, rather than emulating it."""
    if device.type == "cuda":
        value: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return value
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False))
