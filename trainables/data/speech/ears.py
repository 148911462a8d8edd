"""EARS in its published layout: `EARS/p001/sentences_01_regular.wav` … at 48 kHz, transcripts.json.

Only recordings with transcripts are used (paper, E.2): those whose name is in `transcripts.json`, which
is published with EARS. Splits are by speaker as in the EARS benchmark (Richter et al. 2024): p100 and p101
for validation, p102 to p107 for the test. A recording is high-passed, cut into pieces at silences, and
each piece is corrupted on its own.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from torch import Tensor

from trainables.core.config import digest
from trainables.core.errors import UsageError, check_choice, check_range
from trainables.data.audio import read_audio
from trainables.data.dataset import Script
from trainables.data.speech.corpus import Source, limited, size_of
from trainables.data.speech.segments import CutOptions, cuts, speech_spans

RATE = 48_000  # Hz, of the recordings
_VALIDATION = ("p100", "p101")
_TEST = ("p102", "p103", "p104", "p105", "p106", "p107")
_TRANSCRIPTS = "transcripts.json"


@dataclass(frozen=True)
class EarsOptions:
    """The options that both EARS datasets share.

    Args:
        rate: of the pieces in Hz, 48,000 (as in the paper) or 16,000.
        cut: lengths of pieces.
        high_pass: the cut-off of a high-pass filter against rumble in Hz; 0 for no filter.
        most: the largest number of recordings of a split; 0 for all.
        seed: of all draws.
    """

    rate: int = RATE
    cut: CutOptions = field(default_factory=CutOptions)
    high_pass: float = 75.0
    most: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("rate", self.rate, (16_000, RATE))
        check_range("the high-pass in Hz", self.high_pass, 0, 1000)
        check_range("the most recordings of a split", self.most, 0, 10**9)


class EarsCorpus:
    """The base of both corpora of EARS; `options.ears` are the options of EARS."""

    options: EarsCorpusOptions
    classes: ClassVar[tuple[str, ...]] = ()
    per_shard: ClassVar[int] = 4

    @property
    def rate(self) -> int:
        """The rate of the pieces in Hz."""
        return self.options.ears.rate

    @property
    def samples(self) -> int:
        """The length in samples that pieces are padded to."""
        return samples(self.options.ears)

    @property
    def note(self) -> str:
        """An empty sentence: there is nothing that people must know."""
        return ""


class EarsCorpusOptions(Protocol):
    """Options of a corpus of EARS."""

    @property
    def ears(self) -> EarsOptions:
        """The options of EARS."""
        ...


def sources(root: Path, options: EarsOptions) -> tuple[Source, ...]:
    """Recordings with transcripts of all speakers, sorted by name.

    Raises:
        UsageError: directories, recordings or transcripts are missing.
    """
    directory = root / "EARS"
    texts = transcripts(root)
    recordings = [
        Source(f"{path.parent.name}/{path.name}", path, _split(path.parent.name),
               path.parent.name, -1, texts[path.stem])
        for path in sorted(directory.glob("p[0-9][0-9][0-9]/*.wav"))
        if path.stem in texts
    ]  # fmt: skip
    if not recordings:
        raise UsageError(
            f"there are no recordings of known sentences in {directory}: unpack EARS's p001.zip … "
            "p107.zip there, so that there is EARS/p001/sentences_01_regular.wav"
        )
    return limited(recordings, options.most, options.seed)


def transcripts(root: Path) -> dict[str, str]:
    """The sentences of recordings by their names, from `transcripts.json` in `root/EARS` or in `root`.

    Raises:
        UsageError: the file is missing or broken.
    """
    path = next((folder / _TRANSCRIPTS for folder in (root / "EARS", root)
                 if (folder / _TRANSCRIPTS).is_file()), None)  # fmt: skip
    if path is None:
        raise UsageError(
            f"there is no file {root / 'EARS' / _TRANSCRIPTS}: put EARS's {_TRANSCRIPTS}, which says "
            "what is known to be spoken, there"
        )
    try:
        texts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is no JSON ({error}): copy it again") from error
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise UsageError(f"{path} must map names of recordings to sentences: copy it again")
    return texts


def script(root: Path) -> Script:
    """The sentences of all transcripts, whichever speakers are in the directory.

    Raises:
        UsageError: the file is missing or broken, or all sentences are empty.
    """
    return Script(tuple(sorted({" ".join(text.split()) for text in transcripts(root).values()})))


def recording(source: Source, options: EarsOptions) -> tuple[Tensor, list[slice]]:
    """The whole recording, high-passed, (L,) at `options.rate`, and where its pieces lie in it.

    Raises:
        UsageError: the file cannot be used, or no piece can be cut from it.
    """
    from torchaudio.functional import highpass_biquad

    rate = options.rate
    wave = read_audio(source.path, rate, RATE)
    if options.high_pass:
        wave = highpass_biquad(wave, rate, options.high_pass)
    spans = speech_spans(wave, rate, options.cut.silence)
    places = [
        slice(round(start * rate), round(end * rate))
        for start, end in cuts(spans, len(wave) / rate, options.cut)
    ]
    if not places:
        raise UsageError(
            f"{source.path} has no speech of {options.cut.shortest:g} to {options.cut.longest:g} s "
            "between silences: leave it out, or allow other lengths"
        )
    return wave, places


def pieces(source: Source, options: EarsOptions) -> list[Tensor]:
    """The recording's pieces, each (L,) at `options.rate`.

    Raises:
        UsageError: as `recording`.
    """
    wave, places = recording(source, options)
    return [wave[place] for place in places]


def settings(options: EarsOptions, script: Script) -> dict[str, Any]:
    """The settings that pieces, and answers for them, depend on."""
    detector = importlib.metadata.version("silero-vad")
    return asdict(options) | {"silero-vad": detector, "script": digest(asdict(script))}


def samples(options: EarsOptions) -> int:
    """The length in samples that pieces are padded to, that of the longest possible piece."""
    return math.ceil(options.cut.longest * options.rate)


def listed(files: dict[str, tuple[Path, ...]]) -> dict[str, list[list[str | int]]]:
    """Names and sizes of the files of each split, for the settings of a corpus."""
    return {split: [[path.name, size_of(path)] for path in paths] for split, paths in files.items()}


def _split(speaker: str) -> str:
    """The name of the split that a speaker belongs to."""
    if speaker in _TEST:
        return "test"
    return "validation" if speaker in _VALIDATION else "train"
