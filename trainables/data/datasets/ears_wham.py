"""`ears-wham`: pieces of EARS under noise of WHAM! at a drawn SNR (paper, E.2).

The directory holds `EARS/p001` … and `wham_noise/tr`, `cv` and `tt`, as published (16 kHz). Noise of
one split is never under speech of another. SNR is of power, where the EARS benchmark takes loudness.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from trainables.core.errors import UsageError, check_range
from trainables.core.noise import generator_of
from trainables.data.audio import RATE, read_channels
from trainables.data.dataset import SPLITS, Script
from trainables.data.speech import ears
from trainables.data.speech.corpus import Pair, Pairs, Source, files_below, first_usable
from trainables.data.speech.ears import EarsCorpus, EarsOptions
from trainables.data.speech.noise_mixing import drawn, mixed, piece

_FOLDERS = {"train": "tr", "validation": "cv", "test": "tt"}


@dataclass(frozen=True)
class Options:
    """EARS's options; SNR in dB, drawn uniformly (the EARS benchmark's range)."""

    ears: EarsOptions = field(default_factory=EarsOptions)
    snr: tuple[float, float] = (-2.5, 17.5)

    def __post_init__(self) -> None:
        check_range("the least SNR in dB", self.snr[0], -50, 100)
        check_range("the largest SNR in dB", self.snr[1], self.snr[0], 100)


@dataclass(frozen=True)
class NoisySentences(EarsCorpus):
    """Each piece under a piece of a noise of its own split."""

    sources: tuple[Source, ...]
    noises: dict[str, tuple[Path, ...]]
    script: Script
    options: Options
    name: str = "ears-wham"
    corruption: str = "wham"
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        common = ears.settings(self.options.ears, self.script)
        own = asdict(self.options) | {"noises": ears.listed(self.noises)}
        object.__setattr__(self, "settings", common | own)

    def make(self, source: Source) -> Pairs:
        """The recording's pieces, clean and in noise; `drawn` is the SNR.

        Raises:
            UsageError: the recording cannot be used, or no noise drawn can.
        """
        made = Pairs([])
        for index, clean in enumerate(ears.pieces(source, self.options.ears)):
            generator = generator_of("noise", self.options.ears.seed, source.key, index)
            snr = drawn(*self.options.snr, generator)
            noise, broken = first_usable(self.noises[source.split], generator, self._noise)
            noise = piece(noise, len(clean), generator)
            made.left_out.extend(broken)
            made.pairs.append(Pair(clean, mixed(clean, noise, snr), snr))
        return made

    def _noise(self, path: Path) -> Tensor:
        """The first channel of a noise, (L,)."""
        return read_channels(path, self.rate, RATE)[0]


def corpus(root: Path, options: Options = Options()) -> NoisySentences:
    """What would be built from the directories in `root`.

    Raises:
        UsageError: one is missing or empty.
    """
    sources, noises = ears.sources(root, options.ears), {}
    for split in SPLITS:
        folder = root / "wham_noise" / _FOLDERS[split]
        noises[split] = tuple(files_below(folder))
        if not noises[split]:
            raise UsageError(
                f"there are no noises in {folder}: unpack WHAM!'s wham_noise.zip in {root}, so that "
                "there are wham_noise/tr, cv and tt"
            )
    return NoisySentences(sources, noises, ears.script(root), options)
