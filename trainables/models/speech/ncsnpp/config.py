"""The configuration of NCSN++ in recipes: its sizes, published ones too, and a checkpoint to start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from trainables.core.config import added_field, location_field
from trainables.core.errors import UsageError
from trainables.models.base import NetworkInterface, SignalDenoiser
from trainables.models.speech.ncsnpp.network import NCSNpp
from trainables.models.speech.ncsnpp.sizes import NCSNppSizes


@dataclass(frozen=True)
class NCSNppConfig(NCSNppSizes):
    """Sizes of NCSN++, and the checkpoint that training starts from.

    Args:
        checkpoint: a file published by SGMSE, whose weights training starts from (E.4); random ones if
            None. It may lie anywhere.
        content: identifies what is in that file.

    Raises:
        UsageError: a size is out of range, or a checkpoint's weights would mean something else here.
    """

    checkpoint: str | None = location_field(None)
    content: str = added_field("")
    network: Literal["ncsnpp"] = "ncsnpp"
    kind: ClassVar[str] = "speech"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_checkpoint()

    def build(self, fit: NetworkInterface) -> SignalDenoiser:
        """An untrained network."""
        if fit.signal_process is None:
            raise UsageError("NCSN++ is for speech, but the signals are images: choose another")
        return NCSNpp(fit.classes, fit.signal_process, self)

    def _check_checkpoint(self) -> None:
        """Refuse a checkpoint whose weights would mean something else, or that is not identified."""
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
