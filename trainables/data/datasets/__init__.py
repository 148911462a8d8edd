"""Datasets, one a file: a file's `load(root)` returns the `Dataset` of the file's name.

`root` is where downloads may be kept; an embedded dataset does not use it.
"""

from __future__ import annotations

from pathlib import Path

from trainables import plugins
from trainables.data.splits import Dataset


def names() -> tuple[str, ...]:
    """Names of all datasets."""
    return plugins.names(__name__)


def load(name: str, root: Path) -> Dataset:
    """The dataset of that name.

    Raises:
        UsageError: there is none, or its files are missing or broken.
    """
    return plugins.load(__name__, "dataset", name).load(root)
