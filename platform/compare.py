"""`python -m platform.compare DATASET`: the fronts of all strategies that were swept, from MLflow."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from platform.cli.flags import check_words, with_setting, with_tracking
from platform.cli.parser import bare_parser
from platform.planning.locations import data_directory, tracking_uri, writable_storage

from trainables.core.errors import UsageError
from trainables.core.files import write_whole
from trainables.data import datasets
from trainables.scoring.metric_names import ACCURACY, MEASURES, NFE


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare what was swept; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
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
    asked = with_tracking(with_setting(made)).parse_args(arguments)
    check_words(asked)
    # What takes seconds to load is imported once it is known what to do.
    from platform.cli.console import Console

    console = Console()
    with console.loading():
        from platform.cli.tables import say_if_smoke, table_of_points

        from dashboards.curves import fronts_figure
        from dashboards.points import to_csv
        from dashboards.runs import confirmed
    storage = writable_storage(asked.storage)
    uri = tracking_uri(asked.tracking_uri, storage, os.environ)
    root = Path(data_directory(asked.data_dir) or storage / "data")
    facts = datasets.facts(asked.dataset, root)
    measure = MEASURES[facts.kind]
    title, corruption = facts.title, asked.corruption or facts.corruptions[0]
    wanted = {"corruption": corruption, "preset": asked.preset, "seed": str(asked.seed)}
    try:
        points = confirmed(uri, title, wanted)
    except LookupError as error:
        raise UsageError(str(error)) from error
    folder = storage / "compared"
    name = "-".join([title, *wanted.values()])
    heading = f"{title}, {corruption} (preset {asked.preset}, seed {asked.seed})"
    write_whole(folder / f"{name}.png", fronts_figure(heading, points, measure))
    write_whole(folder / f"{name}.csv", to_csv(points).encode())
    table_of_points(console, heading, points, measure)
    say_if_smoke(console, asked.preset)
    best = max(points, key=lambda p: p.test[ACCURACY])
    console.line(
        f"\nfound:    {len(points)} points; the best on test {measure.samples} is {best.label}, "
        f"{measure.title} {100 * best.test[measure.name]:.1f} % at {best.test[NFE]:.0f} calls"
    )
    console.line(f"figure:   {folder / name}.png")
    console.line(f"table:    {folder / name}.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
