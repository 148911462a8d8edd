"""The configuration of Whisper as the frozen classifier; apart from it, as Whisper is slow to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from trainables.core.config import added_field, location_field
from trainables.core.errors import check_choice, check_range

# (mel bands, audio width, audio layers, text layers) of the published models.
SIZES = {
    "tiny": (80, 384, 4, 4),
    "tiny.en": (80, 384, 4, 4),
    "base": (80, 512, 6, 6),
    "base.en": (80, 512, 6, 6),
    "small": (80, 768, 12, 12),
    "small.en": (80, 768, 12, 12),
    "medium": (80, 1024, 24, 24),
    "medium.en": (80, 1024, 24, 24),
    "large-v1": (80, 1280, 32, 32),
    "large-v2": (80, 1280, 32, 32),
    "large-v3": (128, 1280, 32, 32),
    "turbo": (128, 1280, 32, 4),
}
ANY_SIZE = "any"
"""Stands for whatever size a checkpoint has."""
LONGEST = 30.0  # seconds of audio, the most that Whisper takes


@dataclass(frozen=True)
class RecogniserConfig:
    """Which Whisper it is, and how many seconds of audio its input has.

    `size` names a published model, downloaded where `checkpoint` (a file) is None; "any" takes a
    checkpoint of any size. The file may lie anywhere: `content` identifies what is in it. The input
    is `lead` seconds of silence, which tightly trimmed words need, and the signal, padded with silence
    or cut to `context` seconds in all. `untrained` gives a published size random weights, to be timed
    without a download.

    Without `context` it is 2 s for words and 30 s, Whisper's own, for sentences. For single words 2 to
    5 s are as good as 30 s and cost 1/21 to 1/8. Sentences need silence after them: on four spoken
    digits in up to 4 s, 12 s had the word error rate of 30 s (0.03), 8 s had 0.34 and 4 to 6 s more
    than 1, since Whisper, finding no end, repeats the sentence.
    """

    size: str = "base"
    checkpoint: str | None = location_field(None)
    context: float | None = None
    lead: float = 0.0
    content: str = ""
    untrained: bool = added_field(False)
    network: Literal["whisper"] = "whisper"
    kind: ClassVar[str] = "speech"

    def __post_init__(self) -> None:
        check_choice("Whisper's size", self.size, [*SIZES, ANY_SIZE])
        context = LONGEST if self.context is None else self.context
        check_range("the recogniser's context, seconds,", context, 0.02, LONGEST)
        check_range("the recogniser's lead, seconds,", self.lead, 0, context)
