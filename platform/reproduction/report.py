"""What a reproduction says in the terminal: a table, where its files are, what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from platform.cli.console import Console
from platform.cli.next_commands import network_flags
from platform.reproduction.results import Result
from platform.reproduction.work import Work

from dashboards.points import difference, percent
from trainables.scoring.metric_names import ACCURACY, NFE, Measure


def row_of(result: Result, measure: Measure) -> list[str]:
    """A result as a row of the terminal's table."""
    reported = result.paper or {}
    return [
        f"{result.dataset} {result.corruption}",
        result.method,
        f"{result.ours[NFE]:.0f}",
        percent(result.ours, measure),
        difference(result.test, measure) if result.test else "",
        f"{result.images} × {result.seeds}",
        percent(reported, measure),
        _whose(result),
    ]


def _whose(result: Result) -> str:
    """Of how many samples the paper's number is, and of which data where they are others."""
    if not result.paper:
        return "–"
    others = result.paper_dataset if result.paper_dataset != result.dataset else ""
    number = str(result.paper_images) if result.paper_images else "not told"
    return f"{others}, {number}" if others else number


def report(
    title: str, results: Sequence[Result], files: dict[str, Path], work: Work, console: Console
) -> None:
    console.line()
    table, measure = work.table(work.plans[0]), work.measure
    rival = "" if table.reference is None else f"vs {table.methods[table.reference].label}"
    console.table(
        f"{title}: {measure.title} % [95 % interval] on test {measure.samples}",
        ["data", "method", "NFE", "measured", rival, f"{measure.samples} × seeds", "paper",
         f"its {measure.samples}"],
        [row_of(result, measure) for result in results],
    )  # fmt: skip
    console.line(
        "the paper gives no intervals; those beside it follow from its number of "
        f"{measure.samples}, where that is known"
    )
    best = max(results, key=lambda r: r.ours[ACCURACY])
    console.line(
        f"\nfound:    {len(results)} numbers; the best is {best.method} on {best.dataset} "
        f"{best.corruption}, {measure.title} {100 * best.ours[measure.name]:.1f} %"
    )
    for name, path in files.items():
        console.line(f"{name + ':':9} {path}")
    console.line("search each strategy's own best points:")
    plan = work.plans[0]
    data = ["--data-dir", plan.data_dir] if plan.data_dir else []
    where = [*data, "--preset", plan.preset, *network_flags(plan), "--storage", plan.storage]
    console.line(f"  python -m platform.sweep all {plan.dataset} {shlex.join(where)}")
