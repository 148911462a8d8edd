"""`ears-wham`: sentences of EARS under noise of WHAM! (both from a directory)."""

from __future__ import annotations

from pathlib import Path

from trainables.core.progress import Progress
from trainables.data.dataset import Facts
from trainables.data.datasets import _ears
from trainables.data.speech.builder import build as build_pairs
from trainables.data.speech.datasets import ears_wham
from trainables.data.speech.spectrogram_split import Built, facts_of

_OPTIONS = ears_wham.Options()


def facts(root: Path) -> Facts:
    """What the names and sizes of the files, and the transcripts, tell.

    Raises:
        UsageError: `root` is not laid out as it must be.
    """
    return facts_of(ears_wham.recipe(root, _OPTIONS), _ears.samples(_OPTIONS.ears), "wham")


def build(root: Path, cache: Path, progress: Progress) -> Built:
    """The pairs of clean and corrupted pieces, made where they are not in the cache.

    Raises:
        UsageError: `root` is not laid out as it must be, or a split has no usable recording.
    """
    recipe = ears_wham.recipe(root, _OPTIONS)
    built = build_pairs(recipe, cache, progress)
    return Built(built, _ears.samples(_OPTIONS.ears), cache, recipe.script)
