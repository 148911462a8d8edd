"""Tables of the terminal that several verbs share."""

from __future__ import annotations

from collections.abc import Sequence
from platform.cli.console import Console
from platform.planning import presets
from platform.planning.setup import Setup
from textwrap import fill

from dashboards.points import ReportedPoint, percent, rows, signal_rows
from trainables.evaluation.listening import LISTENED
from trainables.scoring.cost_metrics import BY_NFE, CostMetric
from trainables.scoring.metric_names import BY_TOP5, Metric

_WIDTH = 80
_INDENT = " " * 10


def table_of_points(
    console: Console,
    title: str,
    points: Sequence[ReportedPoint],
    metric: Metric,
    test_title: str = "test",
    top5: bool = False,
    cost: CostMetric = BY_NFE,
) -> None:
    """Write a table of points: their calls, and the cost where that is another; the metric on the test split
    in a column with this title, and the paired tests; with `top5` the top-5 accuracy where it was measured;
    the metric on the validation split where it was measured; the parameters.
    """
    baselines = list(dict.fromkeys(name for p in points for name in p.tests))
    has_validation = any(p.validation for p in points)
    has_top5 = top5 and any(BY_TOP5.name in p.test for p in points)
    costs = [] if cost == BY_NFE else [cost]
    columns = ["point", "NFE", *(c.title for c in costs), test_title]
    columns += [f"vs {name}" for name in baselines]
    cells = []
    for reported, row in zip(points, rows(points, metric), strict=True):
        label, parameters, nfe, validation, test, *tests = row
        amounts = [c.number((reported.test or reported.validation)[c.name]) for c in costs]
        tests += [""] * (len(baselines) - len(tests))
        tests += [percent(reported.test, BY_TOP5)] if has_top5 else []
        cells.append(
            [
                label,
                nfe,
                *amounts,
                test,
                *tests,
                *([validation] if has_validation else []),
                parameters,
            ]
        )
    columns += [BY_TOP5.title] if has_top5 else []
    columns += [*(["validation"] if has_validation else []), "parameters"]
    heading = f"{title}: {metric.title} % [95 % interval]"
    console.table(heading, columns, cells, text=["parameters"])


def table_of_signals(console: Console, points: Sequence[ReportedPoint]) -> None:
    """Write how near the points' signals are to the clean ones; nothing where that was not measured."""
    cells = signal_rows(points)
    if cells:
        console.line()
        console.table(
            f"means over the first {LISTENED} test utterances (those with a value)",
            ["point", "SI-SDR, dB", "PESQ", "ESTOI"],
            cells,
        )


def table(setup: Setup, console: Console, subject: str, points: Sequence[ReportedPoint]) -> None:
    """Write a table of points of a subject, such as a strategy, on both splits, with the paired tests."""
    title = f"{subject} on {setup.facts.title}, {setup.plan.condition}"
    table_of_points(console, title, points, setup.metric, cost=setup.cost)
    table_of_signals(console, points)
    say_if_smoke(console, setup.plan.preset)


def say_if_smoke(console: Console, preset: str) -> None:
    """Say that numbers of the preset `smoke` mean nothing; of other presets nothing is said."""
    if preset == presets.SMOKE:
        console.line(
            "preset smoke: the numbers mean nothing, its networks are too small to be good"
        )


def paragraphs(console: Console, name: str, lines: Sequence[str]) -> None:
    """Write each line as a paragraph of lines no longer than a terminal's, beside one name for all."""
    for number, line in enumerate(lines):
        first = f"{name:<10}" if number == 0 else _INDENT
        console.line(fill(line, _WIDTH, initial_indent=first, subsequent_indent=_INDENT))
