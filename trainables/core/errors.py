"""Errors that the user can correct, checks that raise them, and suggestions of similar names."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable
from pathlib import Path


class UsageError(ValueError):
    """A mistake of the user's: one line that says what was given, what is allowed, and what to do."""


class NonFiniteError(ArithmeticError):
    """A network or a sampler produced NaN or infinity: the trial has failed, the sweep goes on."""


class DamagedFileError(ValueError):
    """A file, or a folder for one of its files, is not what was written.

    Args:
        path: the file or the folder.
        reason: what is the matter with it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is damaged ({reason})")
        self.path, self.reason = path, reason


class FullDiskError(OSError):
    """A file has no room on its disk.

    Args:
        path: the file.
        needed: its bytes.
    """

    def __init__(self, path: str, needed: int) -> None:
        super().__init__(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        self.needed = needed

    def __reduce__(self) -> tuple[type[FullDiskError], tuple[str, int]]:
        return FullDiskError, (str(self.filename), self.needed)


class DamageWarning(UserWarning):
    """A damaged file was put aside: the message names it, and says what is done in its place."""


def unknown_name(kind: str, name: str, allowed: Iterable[str]) -> UsageError:
    """The error for a name that is not one of `allowed`; it suggests the most similar one, if any."""
    names = sorted(allowed)
    similar = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {similar[0]!r}? " if similar else ""
    return UsageError(f"unknown {kind} {name!r}: {hint}known: {', '.join(names)}")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse `value` outside [low, high], NaN included.

    Raises:
        UsageError: the value is out of range.
    """
    if not low <= value <= high:
        raise UsageError(f"{name} is {value}, but must be from {low:g} to {high:g}")


def check_choice(name: str, value: object, allowed: Iterable[object]) -> None:
    """Refuse a value that is not one of `allowed`.

    Raises:
        UsageError: it is none of them; the message suggests the most similar one.
    """
    choices = list(allowed)
    if value not in choices:
        raise unknown_name(f"value of {name}", str(value), map(str, choices))
