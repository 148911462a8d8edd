"""`ears-wham`: pieces of EARS under noise of WHAM! at a drawn SNR (paper, E.2).

The directory holds `EARS/p001` … and one of WHAM!'s two releases, 48 or 16 kHz (`speech.wham`). Noise of
one split is never under speech of another.

It is mixed as in the EARS benchmark (Richter et al. 2024): SNR is a difference of loudness, not of power,
and is raised by 1 dB as long as the mixture would clip (`noise_mixing.mixed_by_loudness`). Of training
and validation the whole recording is mixed with one noise and then cut, so the SNR of a piece lies around
the drawn one; a piece of the test is mixed by itself. The channel of a noise is drawn. What differs: SNRs
of the test are drawn as the others are, not evenly for each style of speaking; pieces are not faded in
and out over 10 ms; a noise that is shorter than the speech is repeated, where the benchmark draws another.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch import Generator, Tensor

from trainables.core.errors import check_range
from trainables.core.noise import generator_of
from trainables.data.audio import read_channels
from trainables.data.dataset import Script
from trainables.data.speech import ears
from trainables.data.speech.corpus import Pair, Pairs, Source, first_usable
from trainables.data.speech.ears import EarsCorpus, EarsOptions
from trainables.data.speech.noise_mixing import drawn, loudness, mixed_by_loudness, piece
from trainables.data.speech.wham import WhamNoises, wham_noises

_ALL = slice(None)


@dataclass(frozen=True)
class Options:
    """EARS's options; SNR in dB of loudness, drawn uniformly (the EARS benchmark's range)."""

    ears: EarsOptions = field(default_factory=EarsOptions)
    snr: tuple[float, float] = (-2.5, 17.5)

    def __post_init__(self) -> None:
        check_range("the least SNR in dB", self.snr[0], -50, 100)
        check_range("the largest SNR in dB", self.snr[1], self.snr[0], 100)


SENTENCES = True
CORRUPTIONS = {
    "wham": Options(),
    "wham-loud": Options(snr=(-12.5, -2.5)),
    "wham-quiet": Options(snr=(17.5, 27.5)),
}


@dataclass(frozen=True)
class NoisySentences(EarsCorpus):
    """Each piece under a noise of its own split."""

    sources: tuple[Source, ...]
    noises: WhamNoises
    script: Script
    options: Options
    name: str = "ears-wham"
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        common = ears.settings(self.options.ears, self.script)
        particular = {
            "noise_release": self.noises.release,
            "noises": ears.listed(self.noises.files),
            "mixed_by": "loudness",
            "pyloudnorm": importlib.metadata.version("pyloudnorm"),
        }
        object.__setattr__(self, "settings", common | asdict(self.options) | particular)

    @property
    def note(self) -> str:
        """Which release of WHAM! is used, where both are there."""
        return self.noises.note

    def make(self, source: Source) -> Pairs:
        """The recording's pieces, clean and in noise; `strength` is the SNR that was mixed at.

        Raises:
            UsageError: the recording cannot be used, or no noise drawn can.
        """
        wave, places = ears.recording(source, self.options.ears)
        if source.split == "test":
            stretches = [(wave[place], [_ALL]) for place in places]
        else:
            stretches = [(wave, places)]
        pairs = Pairs([])
        for index, (speech, cuts) in enumerate(stretches):
            generator = generator_of("noise", self.options.ears.seed, source.key, index)
            snr = drawn(*self.options.snr, generator)
            use = partial(self._noise, length=len(speech), generator=generator)
            noise, broken = first_usable(self.noises.files[source.split], generator, use)
            noisy, snr = mixed_by_loudness(speech, noise, snr, self.rate)
            pairs.left_out.extend(broken)
            pairs.pairs.extend(Pair(speech[cut], noisy[cut], snr) for cut in cuts)
        return pairs

    def _noise(self, path: Path, length: int, generator: Generator) -> Tensor:
        """A drawn stretch (length,) of a drawn channel of a noise."""
        channels = read_channels(path, self.rate, self.noises.rate)
        channel = channels[int(drawn(0, len(channels), generator))]
        noise = piece(channel, length, generator)
        loudness(noise, self.rate, f"a stretch of {path}")  # refuses one that is silent
        return noise


def corpus(root: Path, options: Options = Options()) -> NoisySentences:
    """What would be built from the directories in `root`.

    Raises:
        UsageError: one is missing or empty.
    """
    sources = ears.sources(root, options.ears)
    return NoisySentences(sources, wham_noises(root), ears.script(root), options)
