"""`python -m platform.reproduce table1|…|figure4|cost|differences`: the paper's numbers beside ours, its
figures of samples with ours, and what the choices of its authors' code do.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from platform.cli.flags import add_dry_run, summary_file, with_common
from platform.cli.parser import Parser, bare_parser
from platform.cli.plans import check_words, datasets_of
from platform.reproduction import didicm_tables
from platform.reproduction.paper_tables import SAMPLE_FIGURES
from platform.reproduction.tables import TABLES
from typing import TYPE_CHECKING

from trainables.core.errors import UsageError, check_range, unknown_name
from trainables.core.files import write_json

if TYPE_CHECKING:
    # Loading torch and Ray takes seconds, so what needs them is imported once it is known what to do.
    from platform.cli.console import Console
    from platform.reproduction.work import Work

COST, DIFFERENCES = "cost", "differences"
NAMES = (*TABLES, *SAMPLE_FIGURES, COST, DIFFERENCES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Reproduce a table; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    namespace = _parse(arguments)
    json_file = summary_file(namespace.json)
    from platform.cli.console import Console

    console = Console()
    if namespace.what == COST:
        _cost(console, json_file)
        return 0
    if namespace.what in SAMPLE_FIGURES:
        return _samples(namespace, console, json_file)
    if namespace.what == DIFFERENCES:
        with console.loading():
            from platform.reproduction.differences_report import reproduce
        return reproduce(namespace, console, json_file)
    return _table(namespace, console, json_file)


def _cost(console: Console, json_file: Path | None) -> None:
    """Show what every strategy costs, counted and as the paper says."""
    with console.loading():
        from platform.cli.tables import paragraphs
        from platform.reproduction.cost import cost_tables

        tables = cost_tables()
    for number, table in enumerate(tables):
        if number:
            console.line()
        console.table(table.title, table.rows[0], table.rows[1:])
        paragraphs(console, "", table.notes)
    if json_file is not None:
        write_json(json_file, [table.as_json() for table in tables])


def _samples(namespace: argparse.Namespace, console: Console, json_file: Path | None) -> int:
    """Reproduce a figure of samples; returns the exit status."""
    with console.loading():
        from platform.reproduction.sample_figures import reproduce_samples, sample_work_of

        work = sample_work_of(namespace)
    contents, status = reproduce_samples(work, console)
    if contents and json_file is not None:
        write_json(json_file, contents)
    return status


def _table(namespace: argparse.Namespace, console: Console, json_file: Path | None) -> int:
    """Reproduce a table or figure; returns the exit status."""
    with console.loading():
        from platform.reproduction import didicm_report
        from platform.reproduction.report import report
        from platform.reproduction.results import draw, save
        from platform.reproduction.work import results_of, work_of

        work = work_of(namespace)
    if namespace.dry_run:
        return _predict(work, console)
    results, status = results_of(work, console)
    if results:
        title = work.table(work.setups[0]).title
        files = save(results, work.folder, work.metric)
        files |= draw(title, work.name, results, work.folder, work.metric)
        if json_file is not None:
            write_json(json_file, [result.as_json() for result in results])
        if namespace.what == didicm_tables.DIDICM:
            didicm_report.report(results, files, work, console)
        else:
            report(title, results, files, work, console)
    return status


def _predict(work: Work, console: Console) -> int:
    """Say what a table would take; nothing is started, written or downloaded for it."""
    with console.loading():
        from platform.backend.cluster import Cluster
        from platform.reproduction.table_forecast import lines
    with Cluster() as cluster:
        allocation, own = cluster.foreseen(work.setups[0]), cluster.is_own
    console.line(f"devices:  {allocation.text}")
    for line in lines(work, allocation, own):
        console.line(line)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    namespace: argparse.Namespace = _parser().parse_args(arguments)
    if namespace.what not in NAMES:
        raise unknown_name("table", namespace.what, NAMES)
    if namespace.dry_run and namespace.what not in TABLES:
        raise UsageError(f"--dry-run is of {', '.join(TABLES)}: leave it out of {namespace.what}")
    if namespace.what == DIFFERENCES and namespace.steps is not None:
        raise UsageError("differences measures at steps of its own: leave out --steps")
    if namespace.what == DIFFERENCES and namespace.resolution != 1:
        raise UsageError("differences compares clean images too: leave out --resolution")
    has_conditions = namespace.what in didicm_tables.TABLES
    if has_conditions and (namespace.resolution, namespace.train_fraction) != (1, 1):
        raise UsageError(
            f"{namespace.what} has resolutions and training shares of its own: leave out --resolution "
            "and --train-fraction"
        )
    if namespace.what not in TABLES and len(namespace.training_seeds) > 1:
        raise UsageError(f"{namespace.what} is of one training: give --seed one seed")
    for dataset in datasets_of(namespace) or (None,):  # all of them, before the first is looked at
        check_words(namespace, dataset=dataset)
    check_range("--steps", 1 if namespace.steps is None else namespace.steps, 1, 100_000)
    return namespace


def _parser() -> Parser:
    parser = bare_parser(
        "python -m platform.reproduce",
        "Train and measure what a table or figure of the paper needs, at the paper's points, on test\n"
        "data; print and keep ours and the paper's numbers side by side.",
        "example: python -m platform.reproduce table1 --datasets mnist\n"
        "figure3 and figure5 are pictures of samples, restored; cost counts calls by the engine's meter, on\n"
        "networks that do nothing; differences switches on the choices of the authors' published code,\n"
        "one at a time, on the same weights and data: python -m platform.reproduce differences digits;\n"
        "didicm and didicm-budget are of another paper, on discrete diffusion of labels: what it gains at\n"
        "nine levels of uncertainty, and by its calls: python -m platform.reproduce didicm digits",
    )
    parser.add_argument("what", help=", ".join(NAMES))
    parser.add_argument("names", nargs="*", metavar="DATASET", help="the same as --datasets")
    parser.add_argument(
        "--datasets",
        nargs="+",
        metavar="NAME",
        help="which data [the paper's; fsdd-reverb for its speech]",
    )
    parser.add_argument(
        "--corruptions",
        nargs="+",
        metavar="NAME",
        help="which corruptions [the paper's, or the dataset's usual one]",
    )
    parser.add_argument(
        "--steps", type=int, default=None, metavar="N",
        help="sample each trajectory in N steps [as many as there are noise levels]",
    )  # fmt: skip
    add_dry_run(parser, "show what a table is to train and to measure, with the time, and stop")
    return with_common(parser, several_seeds=True)


if __name__ == "__main__":
    sys.exit(main())
