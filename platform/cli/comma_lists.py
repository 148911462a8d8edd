"""Words of the command line that stand for several values, separated by commas.

A flag that takes values separated by blanks would swallow the words that follow it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from trainables.core.errors import UsageError

SEPARATOR = ","

Value = TypeVar("Value", str, int)


def listed(
    text: str, thing: str, example: str, value_of: Callable[[str], Value]
) -> tuple[Value, ...]:
    """The different values that a word names.

    Args:
        text: the word as it was given.
        thing: what each of them is, such as "seed".
        example: such a list.
        value_of: the value that a part of the word stands for.

    Raises:
        UsageError: a part is empty, or two are the same value; and what `value_of` raises.
    """
    words = [word.strip() for word in text.split(SEPARATOR)]
    if "" in words:
        raise UsageError(
            f"a {thing} is empty in {text!r}: separate several by commas, such as {example}"
        )
    values = tuple(map(value_of, words))
    twice = [value for place, value in enumerate(values) if value in values[:place]]
    if twice:
        raise UsageError(f"{thing} {twice[0]} is given twice in {text!r}: give each once")
    return values


def list_flag(
    thing: str, example: str, value_of: Callable[[str], Value]
) -> Callable[[str], tuple[Value, ...]]:
    """The type of a flag that takes such a list; argparse has words of its own for a `UsageError`."""

    def read(text: str) -> tuple[Value, ...]:
        try:
            return listed(text, thing, example, value_of)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read
