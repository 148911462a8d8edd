"""Errors that are the user's to mend, and the search for the name that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UsageError(ValueError):
    """A mistake in what was asked for: one line that says what was given, what is allowed, what to do."""


class NonFiniteError(ArithmeticError):
    """A network or a sampler produced NaN or infinity: the trial has failed, the sweep goes on."""


def unknown_name(kind: str, given: str, allowed: Iterable[str]) -> UsageError:
    """The error for a name nobody knows, with the nearest valid name where one is near."""
    names = sorted(allowed)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return UsageError(f"unknown {kind} {given!r}: {hint}known: {', '.join(names)}")


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
        UsageError: it is none of them; the nearest is named.
    """
    choices = list(allowed)
    if value not in choices:
        raise unknown_name(f"value of {name}", str(value), map(str, choices))
