"""`retrained`: a classifier like the frozen one, trained on corrupted signals with their labels, for as long
as all that coupled strategies train.

It is a baseline that breaks their rule: the classifier may be changed. No denoiser is called. It is for
images alone, since speech is recognised by Whisper as it was published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.sampling.moves import Move, RetrainedAnswer
from trainables.task.members import RETRAINED

PARTS = ("classifier", RETRAINED)
SIGNALS = ("image",)


@dataclass(frozen=True)
class Parameters:
    """`retrained` has no sampling parameters."""

    def schedule(self) -> Iterator[Move]:
        """One call of the retrained classifier."""
        yield RetrainedAnswer(1)
