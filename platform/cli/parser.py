"""The parser of every verb, which refuses mistakes in one clear line, with the nearest flag there is."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import NoReturn

from trainables.core.errors import UsageError

_SHORTEST = 3  # letters of a flag that begin others, "--" included


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals are `UsageError`s."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")

    def parse_args(  # type: ignore[override]  # argparse's has overloads, which no verb uses
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse words, and refuse those that are unknown and flags that are given twice.

        Raises:
            UsageError: an argument is unknown, missing, given twice or of the wrong type.
        """
        words = sys.argv[1:] if args is None else list(args)
        for word in words:
            self._refuse_undecoded(word)
        self._refuse_repeated(words)
        arguments, unknown = self.parse_known_args(words, namespace)
        if unknown:
            self.error(self._refusal(unknown[0]))
        return arguments

    def words_of(self, namespace: argparse.Namespace) -> list[str]:
        """The words that these values are given by: arguments, then the flags whose values are not the usual
        ones; values of other parsers' flags are left out.
        """
        words = [str(getattr(namespace, a.dest)) for a in self._actions if not a.option_strings]
        for action in self._actions:
            value = getattr(namespace, action.dest, action.default)
            if action.option_strings and value != action.default:
                words += (
                    action.option_strings[-1:]
                    if action.nargs == 0
                    else [action.option_strings[-1], str(value)]
                )
        return words

    def _refuse_undecoded(self, word: str) -> None:
        """Refuse a word with bytes that are no UTF-8, or that no name can have: what is written and recorded
        is text.
        """
        if "\0" in word or any("\ud800" <= letter <= "\udfff" for letter in word):
            self.error(f"{word[:40]!a} is no text in UTF-8: name it otherwise")

    def _refuse_repeated(self, words: Sequence[str]) -> None:
        """Refuse a flag that is given twice: argparse would silently take the last one."""
        valued = {
            flag: action.dest
            for action in self._actions
            if action.nargs != 0
            for flag in action.option_strings
        }
        destinations: set[str] = set()
        for word in words:
            flag = word.split("=")[0]
            if flag not in valued:
                continue
            if valued[flag] in destinations:
                self.error(f"{flag} is given twice: give it once")
            destinations.add(valued[flag])

    def _refusal(self, word: str) -> str:
        """The refusal of a word that no argument or flag stands for."""
        if not word.startswith("-"):
            return f"unexpected argument {word!r}"
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = nearest_flags(word.split("=")[0], flags)
        return f"unknown flag {word!r}" + (f": did you mean {' or '.join(near)}?" if near else "")


def nearest_flags(word: str, flags: Sequence[str]) -> list[str]:
    """The flags that begin with this word; else the flag that is written most like it, if there is one."""
    if len(word) >= _SHORTEST:
        completions = [flag for flag in flags if flag.startswith(word)]
        if completions:
            return completions
    return difflib.get_close_matches(word, flags, n=1, cutoff=0.5)


def bare_parser(prog: str, description: str, epilog: str) -> Parser:
    """A parser that has no arguments yet."""
    return Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
