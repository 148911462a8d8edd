"""Tables of the terminal that several verbs share."""

from __future__ import annotations

from collections.abc import Sequence
from platform.cli.console import Console
from platform.planning.plan import Plan
from textwrap import fill

from dashboards.points import Shown, rows, signal_rows
from trainables.evaluation.listening import LISTENED

_WIDTH = 80
_INDENT = " " * 10


def table_of_signals(console: Console, points: Sequence[Shown]) -> None:
    """How near the points' signals are to the clean ones; nothing where that was not measured."""
    found = signal_rows(points)
    if found:
        console.table(
            f"means over the first {LISTENED} test utterances (those with a value)",
            ["point", "SI-SDR, dB", "PESQ", "ESTOI"],
            found,
        )


def table(plan: Plan, console: Console, what: str, points: Sequence[Shown]) -> None:
    """Points on both splits, with the paired tests."""
    rivals = list(dict.fromkeys(name for p in points for name in p.tests))
    console.table(
        f"{what} on {plan.facts.title}, {plan.corruption}: {plan.measure.title} % [95 % interval]",
        ["point", "parameters", "NFE", "validation", "test", *(f"vs {name}" for name in rivals)],
        rows(points, plan.measure),
    )
    table_of_signals(console, points)


def paragraphs(console: Console, name: str, lines: Sequence[str]) -> None:
    """A paragraph a line, under a name, on no longer lines than a terminal has."""
    for number, line in enumerate(lines):
        first = f"{name:<10}" if number == 0 else _INDENT
        console.line(fill(line, _WIDTH, initial_indent=first, subsequent_indent=_INDENT))
