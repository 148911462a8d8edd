"""`ears-reverb`: pieces of EARS in measured rooms (paper, E.2).

Beside `EARS/p001` … the directory holds the collections of room responses that the EARS benchmark takes
(Richter et al. 2024), each for one split: ACE-Challenge for the test, AIR for validation, ARNI, BRUDEX,
dEchorate, DetmoldSRIR and Palimpsest for training; or responses of one's own in `responses/train`,
`responses/validation` and `responses/test`. Sound files are read; MATLAB and SOFA files are not, save
them as WAV. As in the benchmark, what precedes the direct path is cut off, longer RT60 than a limit is
drawn again, and speech is made as loud as the clean (here: of the same power).
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
    """EARS's options; the longest RT60 of a response in seconds (the EARS benchmark's)."""

    ears: EarsOptions = field(default_factory=EarsOptions)
    longest_rt60: float = 2.0

    def __post_init__(self) -> None:
        check_range("the longest RT60 in seconds", self.longest_rt60, 0.05, 20)


@dataclass(frozen=True)
class ReverberatedSentences(EarsCorpus):
    """Each piece in a measured room of its own split."""

    sources: tuple[Source, ...]
    responses: dict[str, tuple[Path, ...]]
    script: Script
    options: Options
    name: str = "ears-reverb"
    corruption: str = "reverb"
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        common = ears.settings(self.options.ears, self.script)
        own = asdict(self.options) | {"responses": ears.listed(self.responses)}
        object.__setattr__(self, "settings", common | own)

    def make(self, source: Source) -> Pairs:
        """The recording's pieces, clean and in a room; `drawn` is the room's RT60.

        Raises:
            UsageError: the recording cannot be used, or no response drawn can.
        """
        made = Pairs([])
        for index, clean in enumerate(ears.pieces(source, self.options.ears)):
            generator = generator_of("response", self.options.ears.seed, source.key, index)
            response, broken = self._response(source.split, generator)
            made.left_out.extend(broken)
            made.pairs.append(
                Pair(clean, _as_loud(reverberated(clean, response), clean), response.rt60)
            )
        return made

    def _response(self, split: str, generator: Generator) -> tuple[Response, list[str]]:
        channel = drawn(0, 1, generator)

        def use(path: Path) -> Response | None:
            response = read_response(path, self.rate, channel)
            return response if response.rt60 <= self.options.longest_rt60 else None

        return first_usable(self.responses[split], generator, use)


def corpus(root: Path, options: Options = Options()) -> ReverberatedSentences:
    """What would be built from the directories in `root`.

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


def _as_loud(wave: Tensor, as_this: Tensor) -> Tensor:
    """The wave (L,) scaled to the power of another; a silent one stays as it is."""
    power = wave.square().mean()
    return wave * (as_this.square().mean() / power).sqrt() if power > 0 else wave
