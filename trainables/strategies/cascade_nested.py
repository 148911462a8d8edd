"""`cascade-nested`: a cheap answer for the samples that it settles, `nested` for the others
(`trainables.strategies._cascades`).
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.strategies import nested
from trainables.strategies._cascades import LENT, CascadeParameters

PARTS = (*nested.PARTS, *LENT)


@dataclass(frozen=True)
class Parameters(CascadeParameters, nested.Parameters):
    """Sampling parameters of `cascade-nested`: a cascade's, and those of `nested`, its dear half's."""
