"""`ears-reverb`: pieces of EARS in measured rooms (paper, E.2).

Beside `EARS/p001` … the directory holds the collections of room responses that the EARS benchmark takes
(Richter et al. 2024), each for one split: ACE-Challenge for the test, AIR for validation, ARNI, BRUDEX,
dEchorate, DetmoldSRIR and Palimpsest for training; or responses of one's own in `responses/train`,
`responses/validation` and `responses/test`. Sound files are read; MATLAB and SOFA files are not, save
them as WAV. As in the benchmark, taps before the direct path are cut off, responses with an RT60 over a
limit are drawn again, and reverberated speech is scaled to the power of the clean.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Generator, Tensor

from trainables.core.errors import UsageError, check_range
from trainables.core.noise import generator_of
from trainables.data.dataset import SPLITS, Script
from trainables.data.speech import ears
from trainables.data.speech.corpus import Pair, Pairs, Source, files_below, first_usable
from trainables.data.speech.ears import EarsCorpus, EarsOptions
from trainables.data.speech.noise_mixing import drawn
from trainables.data.speech.responses import Response, read_response, reverberated

_COLLECTIONS = {
    "train": ("ARNI", "BRUDEX", "dEchorate", "DetmoldSRIR", "Palimpsest", "responses/train"),
    "validation": ("AIR", "responses/validation"),
    "test": ("ACE-Challenge", "responses/test"),
}


@dataclass(frozen=True)
class Options:
    """Options of EARS, and the longest RT60 of a response in seconds (as in the EARS benchmark)."""

    ears: EarsOptions = field(default_factory=EarsOptions)
    longest_rt60: float = 2.0

    def __post_init__(self) -> None:
        check_range("the longest RT60 in seconds", self.longest_rt60, 0.05, 20)


SENTENCES = True
CORRUPTIONS = {"reverb": Options(), "reverb-short": Options(longest_rt60=0.5)}


@dataclass(frozen=True)
class ReverberatedSentences(EarsCorpus):
    """A corpus of pieces, each in a measured room of its own split."""

    sources: tuple[Source, ...]
    responses: dict[str, tuple[Path, ...]]
    script: Script
    options: Options
    name: str = "ears-reverb"
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        common = ears.settings(self.options.ears, self.script)
        options = asdict(self.options) | {"responses": ears.listed(self.responses)}
        object.__setattr__(self, "settings", common | options)

    def make(self, source: Source) -> Pairs:
        """The recording's pieces, clean and in a room; the strength is the room's RT60.

        Raises:
            UsageError: the recording cannot be used, or no response drawn can.
        """
        pairs = Pairs([])
        for index, clean in enumerate(ears.pieces(source, self.options.ears)):
            generator = generator_of("response", self.options.ears.seed, source.key, index)
            response, broken = self._response(source.split, generator)
            pairs.left_out.extend(broken)
            pairs.pairs.append(
                Pair(clean, _scaled_to_power(reverberated(clean, response), clean), response.rt60)
            )
        return pairs

    def _response(self, split: str, generator: Generator) -> tuple[Response, list[str]]:
        """A random response of a split, and the messages of broken files that were drawn before it."""
        channel = drawn(0, 1, generator)

        def use(path: Path) -> Response | None:
            response = read_response(path, self.rate, channel)
            return response if response.rt60 <= self.options.longest_rt60 else None

        return first_usable(self.responses[split], generator, use)


def corpus(root: Path, options: Options = Options()) -> ReverberatedSentences:
    """The corpus of the directories in `root`.

    Raises:
        UsageError: EARS is missing, or a split has no responses.
    """
    sources, responses = ears.sources(root, options.ears), {}
    for split in SPLITS:
        folders = [root / name for name in _COLLECTIONS[split]]
        responses[split] = tuple(path for folder in folders for path in files_below(folder))
        if not responses[split]:
            raise UsageError(
                f"there are no room responses for the {split} split in {root}: put sound files in "
                f"{' or '.join(_COLLECTIONS[split])}"
            )
    return ReverberatedSentences(sources, responses, ears.script(root), options)


def _scaled_to_power(wave: Tensor, reference: Tensor) -> Tensor:
    """A waveform (L,) scaled to the power of the reference; silence stays silence."""
    power = wave.square().mean()
    return wave * (reference.square().mean() / power).sqrt() if power > 0 else wave
