"""Sizes of NCSN++, and their checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trainables.core.errors import UsageError, check_choice, check_range


@dataclass(frozen=True)
class NCSNppSizes:
    """Sizes of NCSN++. The defaults are the published 16 kHz network's.

    Args:
        base: channels of the first level.
        multipliers: channels of each level, as multiples of `base`.
        blocks: residual blocks a level on the way down; there is one more on the way up.
        attention: levels (0 is the finest) with self-attention, beside the bottleneck.
        pyramids: the input joins every level on the way down, and every level on the way up adds to
            the output.
        scale_last: the division by t comes after the output layer instead of before it.
        spread: None for the published output. A number, the deviation of the entries of x0 - x_cor,
            makes the output a residual of the baseline (`OUVE.residual_score`), which a small
            network learns faster.
        patch: the first level works on squares of `patch` × `patch` places.
        dropout: in the residual blocks.
        condition: where logits come in: "film" at the bottleneck, "fusion" midway on the way up.
        condition_width: of the embedded logits.

    Raises:
        UsageError: a size is out of range.
    """

    base: int = 128
    multipliers: tuple[int, ...] = (1, 1, 2, 2, 2, 2, 2)
    blocks: int = 2
    attention: tuple[int, ...] = (4,)
    pyramids: bool = True
    scale_last: bool = False
    spread: float | None = None
    patch: int = 1
    dropout: float = 0.0
    condition: Literal["film", "fusion"] = "film"
    condition_width: int = 128

    def __post_init__(self) -> None:
        check_range("NCSN++ base", self.base, 4, 4096)
        check_range("NCSN++ blocks", self.blocks, 1, 16)
        check_range("NCSN++ patch", self.patch, 1, 64)
        if self.spread is not None:
            check_range("NCSN++ spread", self.spread, 1e-6, 1e3)
        check_range("NCSN++ dropout", self.dropout, 0, 0.9)
        check_range("NCSN++ condition_width", self.condition_width, 1, 65536)
        check_choice("NCSN++ condition", self.condition, ("film", "fusion"))
        if not self.multipliers or min(self.multipliers) < 1:
            raise UsageError(
                f"NCSN++ multipliers are {self.multipliers}, but must all be 1 or more"
            )
        for level in self.attention:
            check_range("NCSN++ attention level", level, 0, len(self.multipliers) - 1)

    @property
    def as_published(self) -> bool:
        """Whether input and output are those of the published networks, so that their weights fit."""
        return self.spread is None and self.patch == 1

    @property
    def multiple(self) -> int:
        """The number that frequencies and frames must be multiples of."""
        value: int = self.patch * 2 ** (len(self.multipliers) - 1)
        return value
