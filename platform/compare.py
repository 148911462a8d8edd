"""`python -m platform.compare DATASET`: the fronts of all strategies that were swept, from MLflow."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform.cli.console import Console

    from dashboards.points import Shown
    from trainables.scoring.metric_names import Measure


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare what was swept; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    from platform.cli.console import Console
    from platform.planning.locations import data_directory, tracking_uri, writable_storage

    from dashboards.runs import confirmed
    from trainables.core.errors import UsageError
    from trainables.data import datasets
    from trainables.scoring.metric_names import MEASURES

    asked, console = _parse(arguments), Console()
    storage = writable_storage(asked.storage)
    uri = tracking_uri(asked.tracking_uri, storage, os.environ)
    root = Path(data_directory(asked.data_dir) or storage / "data")
    facts = datasets.facts(asked.dataset, root)
    corruption = asked.corruption or facts.corruptions[0]
    wanted = {"corruption": corruption, "preset": asked.preset, "seed": str(asked.seed)}
    try:
        points = confirmed(uri, facts.title, wanted)
    except LookupError as error:
        raise UsageError(str(error)) from error
    file = storage / "compared" / "-".join([facts.title, *wanted.values()])
    heading = f"{facts.title}, {corruption} (preset {asked.preset}, seed {asked.seed})"
    _show(heading, points, MEASURES[facts.kind], file, console)
    return 0


def _show(
    heading: str, points: Sequence[Shown], measure: Measure, file: Path, console: Console
) -> None:
    """Draw the fronts and write them to `file`.png and `file`.csv; say what was found and where."""
    from dashboards.curves import fronts_figure
    from dashboards.points import rows, to_csv
    from trainables.core.files import write_whole
    from trainables.scoring.metric_names import ACCURACY, NFE

    figure, table = (file.with_name(f"{file.name}.{kind}") for kind in ("png", "csv"))
    write_whole(figure, fronts_figure(heading, points, measure))
    write_whole(table, to_csv(points).encode())
    console.table(
        f"{heading}: {measure.title} % [95 % interval]",
        ["point", "parameters", "NFE", "test"],
        [[*row[:3], row[4]] for row in rows(points, measure)],
    )
    best = max(points, key=lambda p: p.test[ACCURACY])
    console.line(
        f"\nfound:    {len(points)} points; the best on test {measure.samples} is {best.label}, "
        f"{measure.title} {100 * best.test[measure.name]:.1f} % at {best.test[NFE]:.0f} calls"
    )
    console.line(f"figure:   {figure}")
    console.line(f"table:    {table}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    from platform.cli.flags import bare_parser, with_common

    from trainables.data import datasets

    made = bare_parser(
        "python -m platform.compare",
        "Draw the fronts of every strategy that was swept on a dataset, from their confirmed points\n"
        "in MLflow. Nothing is measured.",
        "example: python -m platform.compare digits",
    )
    made.add_argument("dataset", help=f"one of {', '.join(datasets.names())}")
    made.add_argument(
        "--corruption", default=None, metavar="NAME", help="[the dataset's usual one]"
    )
    return with_common(made).parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
