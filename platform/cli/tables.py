"""Tables of the terminal that several verbs share."""

from __future__ import annotations

from collections.abc import Sequence
from platform.cli.console import Console
from platform.planning import presets
from platform.planning.setup import Setup
from textwrap import fill

from dashboards.points import ReportedPoint, rows, signal_rows
from trainables.evaluation.listening import LISTENED
from trainables.scoring.metric_names import Metric

_WIDTH = 80
_INDENT = " " * 10


def table_of_points(
    console: Console,
    title: str,
    points: Sequence[ReportedPoint],
    metric: Metric,
    tested: str = "test",
) -> None:
    """Points with their calls, the metric on the split that `tested` names, and the paired tests;
    then, where it was measured too, the metric on validation; then the parameters.
    """
    rivals = list(dict.fromkeys(name for p in points for name in p.tests))
    validated = any(p.validation for p in points)
    columns = ["point", "NFE", tested, *(f"vs {name}" for name in rivals)]
    shown = []
    for label, parameters, nfe, validation, test, *tests in rows(points, metric):
        tests += [""] * (len(rivals) - len(tests))
        shown.append([label, nfe, test, *tests, *([validation] if validated else []), parameters])
    columns += [*(["validation"] if validated else []), "parameters"]
    heading = f"{title}: {metric.title} % [95 % interval]"
    console.table(heading, columns, shown, text=["parameters"])


def table_of_signals(console: Console, points: Sequence[ReportedPoint]) -> None:
    """How near the points' signals are to the clean ones; nothing where that was not measured."""
    found = signal_rows(points)
    if found:
        console.line()
        console.table(
            f"means over the first {LISTENED} test utterances (those with a value)",
            ["point", "SI-SDR, dB", "PESQ", "ESTOI"],
            found,
        )


def table(setup: Setup, console: Console, what: str, points: Sequence[ReportedPoint]) -> None:
    """Points on both splits, with the paired tests."""
    title = f"{what} on {setup.facts.title}, {setup.plan.corruption}"
    table_of_points(console, title, points, setup.metric)
    table_of_signals(console, points)
    say_if_smoke(console, setup.plan.preset)


def say_if_smoke(console: Console, preset: str) -> None:
    """What numbers of the preset `smoke` are worth; nothing of the others."""
    if preset == presets.SMOKE:
        console.line(
            "preset smoke: the numbers mean nothing, its networks are too small to be good"
        )


def paragraphs(console: Console, name: str, lines: Sequence[str]) -> None:
    """A paragraph a line, under a name, on no longer lines than a terminal has."""
    for number, line in enumerate(lines):
        first = f"{name:<10}" if number == 0 else _INDENT
        console.line(fill(line, _WIDTH, initial_indent=first, subsequent_indent=_INDENT))
