"""`cascade-parallel`: a cheap answer for the samples that it settles, `parallel` for the others
(`trainables.strategies._cascades`).
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.strategies import parallel
from trainables.strategies._cascades import LENT, CascadeParameters

PARTS = (*parallel.PARTS, *LENT)


@dataclass(frozen=True)
class Parameters(CascadeParameters, parallel.Parameters):
    """Sampling parameters of `cascade-parallel`: a cascade's, and those of `parallel`, its dear half's."""
