"""The parser of every verb: its refusals are one clear line, with the nearest flag that there is."""

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
        """Parse, refusing what is unknown, and a value that is given twice.

        Raises:
            UsageError: something is unknown, missing, given twice or of the wrong type.
        """
        words = sys.argv[1:] if args is None else list(args)
        self._refuse_repeated(words)
        known, unknown = self.parse_known_args(words, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return known

    def _refuse_repeated(self, words: Sequence[str]) -> None:
        """Of a flag that is given twice the last would count, and nobody would be told."""
        valued = {
            flag: action.dest
            for action in self._actions
            if action.nargs != 0
            for flag in action.option_strings
        }
        seen: set[str] = set()
        for word in words:
            flag = word.split("=")[0]
            if flag not in valued:
                continue
            if valued[flag] in seen:
                self.error(f"{flag} is given twice: give it once")
            seen.add(valued[flag])

    def _unknown(self, given: str) -> str:
        if not given.startswith("-"):
            return f"unexpected argument {given!r}"
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = nearest_flags(given.split("=")[0], flags)
        return f"unknown flag {given!r}" + (f": did you mean {' or '.join(near)}?" if near else "")


def nearest_flags(given: str, flags: Sequence[str]) -> list[str]:
    """The flags that begin as the given one does; else the one that is written most like it, if any."""
    if len(given) >= _SHORTEST:
        begun = [flag for flag in flags if flag.startswith(given)]
        if begun:
            return begun
    return difflib.get_close_matches(given, flags, n=1, cutoff=0.5)


def bare_parser(prog: str, description: str, epilog: str) -> Parser:
    """A parser without arguments."""
    return Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
