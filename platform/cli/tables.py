"""Tables of the terminal that several verbs share."""

from __future__ import annotations

from collections.abc import Sequence
from platform.cli.console import Console
from platform.planning.plan import Plan

from dashboards.points import Shown, rows, signal_rows
from trainables.evaluation.listening import LISTENED
from trainables.scoring.metric_names import NFE, Measure


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


def found(shown: Shown, measure: Measure) -> str:
    """A point's result in few words."""
    value, nfe = 100 * shown.test[measure.name], shown.test[NFE]
    return (
        f"{shown.label} {measure.title} {value:.1f} % on test {measure.samples} at {nfe:.0f} calls"
    )
