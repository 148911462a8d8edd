"""`cascade`: a cheap answer for the samples that it settles, `enhanced` for the others
(`trainables.strategies._cascades`).
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.strategies import enhanced
from trainables.strategies._cascades import LENT, CascadeParameters

PARTS = (*enhanced.PARTS, *LENT)


@dataclass(frozen=True)
class Parameters(CascadeParameters, enhanced.Parameters):
    """Sampling parameters of `cascade`: a cascade's, and those of `enhanced`, its dear half's."""
