"""`noisy`: the classifier on the corrupted signal as it is (section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.sampling.moves import Answer, Move

PARTS = ("classifier",)


@dataclass(frozen=True)
class Parameters:
    """`noisy` has no sampling parameters."""

    def schedule(self) -> Iterator[Move]:
        """One call of the classifier."""
        yield Answer("x_cor")
