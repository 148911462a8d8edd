"""`ensemble`: the mean, in logit space, of classifiers that are `retrained` at seeds of their own
(Lakshminarayanan, Pritzel, Blundell 2017). It is to `retrained` what chains are to a sampling strategy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trainables.core.errors import check_range
from trainables.sampling.moves import Move, RetrainedAnswer
from trainables.task.members import MOST_MEMBERS, RETRAINED, member_kinds

PARTS = ("classifier", *member_kinds(RETRAINED))
SIGNALS = ("image",)


@dataclass(frozen=True)
class Parameters:
    """`members`: how many retrained classifiers answer, from 1, which is `retrained`, to MOST_MEMBERS."""

    members: int

    def __post_init__(self) -> None:
        check_range("members", self.members, 1, MOST_MEMBERS)

    def schedule(self) -> Iterator[Move]:
        """One call of each member; the outcome is the mean of their logits."""
        for member in range(1, self.members + 1):
            yield RetrainedAnswer(member)
