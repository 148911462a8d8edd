"""Members of an ensemble: parts of one kind that differ in their training seed alone.

The first member of a kind bears the kind's name, the others have their number after it: `retrained`,
`retrained-2` to `retrained-8`.

Also what a network is called that a part lends to a strategy with denoisers of its own.
"""

from __future__ import annotations

RETRAINED = "retrained"
"""The kind of part that is a classifier trained on corrupted signals, and the name of its network."""

MOST_MEMBERS = 8
"""The most members that an ensemble has."""


def member_kind(kind: str, member: int) -> str:
    """The name of a member's part; `member` is its number, from 1."""
    return kind if member == 1 else f"{kind}-{member}"


def member_kinds(kind: str) -> tuple[str, ...]:
    """The names of the parts of all members."""
    return tuple(member_kind(kind, member) for member in range(1, MOST_MEMBERS + 1))


def kind_and_member(name: str) -> tuple[str, int]:
    """The kind and the number that a part's name stands for; the number is 1 where the name has none."""
    kind, _, number = name.rpartition("-")
    if number.isdecimal() and int(number) > 1 and name == member_kind(kind, int(number)):
        return kind, int(number)
    return name, 1


_LENT = "lent-"


def lent_logit(kind: str) -> str:
    """The name of the logit denoiser that a part lends to a strategy, beside one that may be its own."""
    return f"{_LENT}{kind}"


def is_lent(network: str) -> bool:
    """Whether a network's name is one that `lent_logit` gives."""
    return network.startswith(_LENT)
