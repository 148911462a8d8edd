"""The page of comparisons: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.comparison.gallery import Gallery
from dashboards.comparison.model import Comparison, Setting


def comparison_page(
    comparisons: Sequence[Comparison], galleries: Mapping[Setting, Gallery]
) -> str:
    """HTML of the comparisons, with the samples of those settings that have any."""
    raise NotImplementedError
