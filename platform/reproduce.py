"""`python -m platform.reproduce table1|…|figure4|cost`: the paper's numbers beside ours."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform.cli.console import Console

COST = "cost"


def main(arguments: Sequence[str] | None = None) -> int:
    """Reproduce a table; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    from platform.cli.console import Console
    from platform.cli.flags import summary_file

    asked, console = _parse(arguments), Console()
    json_file = summary_file(asked.json)
    if asked.what == COST:
        _cost(console, json_file)
        return 0
    return _table(asked, console, json_file)


def _cost(console: Console, json_file: Path | None) -> None:
    """Show what every strategy costs, counted and as the paper says."""
    from platform.reproduction.results import cost_rows

    from trainables.core.files import write_json

    rows = cost_rows()
    console.table("calls a sample at T = 150, counted | as D.4 says", rows[0], rows[1:])
    if json_file is not None:
        write_json(json_file, {"columns": rows[0], "rows": rows[1:]})


def _table(asked: argparse.Namespace, console: Console, json_file: Path | None) -> int:
    """Reproduce a table or figure; returns the exit status."""
    from platform.reproduction.report import report
    from platform.reproduction.results import draw, save
    from platform.reproduction.work import results_of, work_of

    from trainables.core.files import write_json

    work = work_of(asked)
    results, status = results_of(work, console)
    if results:
        title = work.table(work.plans[0]).title
        files = save(results, work.folder, work.measure)
        files |= draw(title, work.name, results, work.folder, work.measure)
        report(title, results, files, work, console)
        if json_file is not None:
            write_json(json_file, [result.as_json() for result in results])
    return status


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    from platform.cli.flags import bare_parser, with_common
    from platform.reproduction.paper_tables import TABLES

    from trainables.core.errors import unknown_name

    made = bare_parser(
        "python -m platform.reproduce",
        "Train and measure what a table or figure of the paper needs, at the paper's points, on test\n"
        "data; print and keep ours and the paper's numbers side by side.",
        "example: python -m platform.reproduce table1 --datasets mnist\n"
        "cost counts calls by the engine's meter, on networks that do nothing.",
    )
    made.add_argument("what", help=", ".join([*TABLES, COST]))
    made.add_argument(
        "--datasets",
        nargs="+",
        metavar="NAME",
        help="which data [the paper's; fsdd-reverb for its speech]",
    )
    made.add_argument(
        "--corruptions",
        nargs="+",
        metavar="NAME",
        help="which corruptions [the paper's, or the dataset's usual one]",
    )
    made.add_argument(
        "--steps", type=int, default=None, metavar="N",
        help="sample each trajectory in N steps [as many as there are noise levels]",
    )  # fmt: skip
    asked = with_common(made).parse_args(arguments)
    if asked.what not in (*TABLES, COST):
        raise unknown_name("table", asked.what, [*TABLES, COST])
    return asked


if __name__ == "__main__":
    sys.exit(main())
