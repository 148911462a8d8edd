"""Sizes of NCSN++, the published ones among them; a module of its own, as recipes need no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trainables.core.config import later, place
from trainables.core.errors import UsageError, check_choice, check_range


@dataclass(frozen=True)
class NCSNppConfig:
    """Sizes. The defaults are the published 16 kHz network's.

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
        checkpoint: a file published by SGMSE, whose weights training starts from (E.4); random ones if
            None. It may lie anywhere.
        content: identifies what is in that file.

    Raises:
        UsageError: a size is out of range, or a checkpoint's weights would mean something else here.
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
    checkpoint: str | None = place(None)
    content: str = later("")
    network: Literal["ncsnpp"] = "ncsnpp"

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
        self._check_checkpoint()

    @property
    def as_published(self) -> bool:
        """Whether input and output are those of the published networks, so that weights of theirs mean
        the same here.
        """
        return self.spread is None and self.patch == 1

    @property
    def multiple(self) -> int:
        """Frequencies and frames must be multiples of this."""
        return self.patch * 2 ** (len(self.multipliers) - 1)

    def _check_checkpoint(self) -> None:
        if self.checkpoint is None:
            return
        if not self.as_published:
            raise UsageError(
                f"NCSN++ cannot start from {self.checkpoint} with a spread or a patch, which the "
                "published networks have not: leave out the spread, and let patch be 1"
            )
        if not self.content:
            raise UsageError(
                f"NCSN++ starts from {self.checkpoint}, but what is in it is not told: give `content`"
            )


NCSNPP = NCSNppConfig()
"""Published for 16 kHz: 65.6 million parameters."""

NCSNPP_48K = NCSNppConfig(attention=(), pyramids=False, scale_last=True, condition="fusion")
"""Published for 48 kHz (EARS)."""

NCSNPP_SMALL = NCSNppConfig(
    base=32,
    multipliers=(1, 1, 2),
    blocks=1,
    attention=(),
    pyramids=False,
    spread=0.1,
    patch=4,
    condition_width=64,
)
"""For two CPU cores: 0.9 million parameters, whose first level sees squares of 4 × 4 places."""
