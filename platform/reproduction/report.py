"""The report of a reproduction in the terminal: tables, where its files are, what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from platform.cli.console import Console
from platform.cli.next_commands import command, common_flags
from platform.cli.tables import say_if_smoke
from platform.reproduction.results import Result
from platform.reproduction.work import Work

from dashboards.points import difference, percent
from trainables.scoring.metric_names import ACCURACY, NFE, Metric


def tables(
    console: Console, title: str, results: Sequence[Result], metric: Metric, reference: str
) -> None:
    """A table for every dataset and corruption: ours and the paper's numbers side by side.

    Args:
        console: where the tables are shown.
        title: the paper's name for the table.
        results: the numbers.
        metric: which of their metrics is shown.
        reference: the label of the method that the rest are tested against; none if empty.
    """
    several = any(result.training_seeds > 1 for result in results)
    counted = f"{metric.samples} × seeds" + (" × training seeds" if several else "")
    columns = ["method", "NFE", "measured", "paper", f"vs {reference}", counted,
               f"its {metric.samples}"]  # fmt: skip
    left_out = set() if reference else {f"vs {reference}"}
    if not any(result.paper for result in results):
        left_out |= {"paper", f"its {metric.samples}"}
    shown = [place for place, column in enumerate(columns) if column not in left_out]
    for data in dict.fromkeys((result.dataset, result.corruption) for result in results):
        rows = [_row(r, metric, several) for r in results if (r.dataset, r.corruption) == data]
        heading = f"{' '.join(data)}, {metric.title} % [95 % interval] on test {metric.samples}"
        console.line()
        console.table(
            f"{title}: {heading}",
            [columns[place] for place in shown],
            [[row[place] for place in shown] for row in rows],
        )


def _row(result: Result, metric: Metric, several: bool) -> list[str]:
    """A result as a row of the terminal's table; the training seeds are counted where there are several."""
    counts = [result.images, result.seeds, *([result.training_seeds] if several else [])]
    return [
        result.method,
        f"{result.ours[NFE]:.0f}",
        percent(result.ours, metric),
        percent(result.paper or {}, metric),
        difference(result.test, metric) if result.test else "",
        " × ".join(map(str, counts)),
        _paper_samples(result),
    ]


def _paper_samples(result: Result) -> str:
    """How many samples the paper's number is of, and of which dataset where that is another; a dash
    where it reports none.
    """
    if not result.paper:
        return "–"
    dataset = result.paper_dataset if result.paper_dataset != result.dataset else ""
    number = str(result.paper_images) if result.paper_images else "not told"
    return f"{dataset}, {number}" if dataset else number


def report(
    title: str, results: Sequence[Result], files: dict[str, Path], work: Work, console: Console
) -> None:
    """Show the numbers, name the files, say what to type next."""
    setup, metric = work.setups[0], work.metric
    table = work.table(setup)
    reference = "" if table.reference is None else table.methods[table.reference].label
    tables(console, title, results, metric, reference)
    if any(result.paper for result in results):
        console.line(
            "the paper gives no intervals; those beside it follow from its number of "
            f"{metric.samples}, where that is known"
        )
    if any(method.most > setup.budget.confirm_limit for method in table.methods):
        console.line(
            f"what only classifies is measured on more {metric.samples}, tested on those that all have"
        )
    if len(work.seeds) > 1:
        console.line(f"intervals and tests are over {metric.samples} and training seeds")
    say_if_smoke(console, setup.plan.preset)
    best = max(results, key=lambda r: r.ours[ACCURACY])
    console.line(
        f"\nfound:    {len(results)} numbers; the best is {best.method} on {best.dataset} "
        f"{best.corruption}, {metric.title} {100 * best.ours[metric.name]:.1f} %"
    )
    for name, path in files.items():
        console.line(f"{name + ':':9} {path}")
    console.line("search each strategy's own best points:")
    console.line(f"  {command('platform.sweep', 'all', setup.plan.dataset, *common_flags(setup))}")
