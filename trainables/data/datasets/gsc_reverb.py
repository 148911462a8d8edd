"""`gsc-reverb`: ten words of Google Speech Commands in simulated rooms (paper, E.2)."""

from __future__ import annotations

from pathlib import Path

from trainables.core.progress import Progress
from trainables.data.dataset import Facts
from trainables.data.speech.builder import build as build_pairs
from trainables.data.speech.datasets import gsc_reverb
from trainables.data.speech.spectrogram_split import Built, facts_of

_OPTIONS = gsc_reverb.Options()


def facts(root: Path) -> Facts:
    """What the names and sizes of the recordings tell.

    Raises:
        UsageError: `root` is not laid out as it must be.
    """
    return facts_of(gsc_reverb.recipe(root, _OPTIONS), _OPTIONS.around.samples, "reverb")


def build(root: Path, cache: Path, progress: Progress) -> Built:
    """The pairs of clean and corrupted words, made where they are not in the cache.

    Raises:
        UsageError: `root` is not laid out as it must be, or a split has no usable recording.
    """
    recipe = gsc_reverb.recipe(root, _OPTIONS)
    return Built(build_pairs(recipe, cache, progress), _OPTIONS.around.samples, cache)
