"""Datasets, one a file: a file's `load(root)` returns the `Dataset` of the file's name.

`facts(root)` says what is known of it without reading the images. `root` is where its files lie, or
where downloads may be kept; an embedded dataset does not use it.
"""

from __future__ import annotations

from pathlib import Path

from trainables import plugins
from trainables.data.splits import Dataset, Facts


def names() -> tuple[str, ...]:
    """Names of all datasets."""
    return plugins.names(__name__)


def load(name: str, root: Path) -> Dataset:
    """The dataset of that name.

    Raises:
        UsageError: there is none, or its files are missing or broken.
    """
    return plugins.load(__name__, "dataset", name).load(root)


def facts(name: str, root: Path) -> Facts:
    """Shape and number of classes of the dataset of that name.

    Raises:
        UsageError: there is none, or its directory is not as it must be.
    """
    return plugins.load(__name__, "dataset", name).facts(root)
