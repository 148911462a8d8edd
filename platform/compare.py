"""`python -m platform.compare DATASET`: the fronts of all strategies that were swept, from MLflow."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from platform.cli.flags import check_words, summary_file, with_setting, with_tracking
from platform.cli.parser import bare_parser
from platform.planning.locations import (
    absolute_path,
    data_directory,
    tracking_uri,
    without_passwords,
    writable_storage,
)
from typing import TYPE_CHECKING

from trainables.core.errors import UsageError, unknown_name
from trainables.data import datasets
from trainables.data.degradation import Degradation, condition_text, path_name

if TYPE_CHECKING:
    # Loading torch and MLflow takes seconds, so what needs them is imported once it is known what to do.
    from platform.cli.console import Console

    from dashboards.points import ReportedPoint
    from trainables.scoring.metric_names import Metric


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare what was swept; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    namespace = _parse(arguments)
    check_words(namespace)
    json_file = summary_file(namespace.json)
    storage = absolute_path(namespace.storage)
    uri = tracking_uri(namespace.tracking_uri, storage, os.environ)
    root = Path(data_directory(namespace.data_dir) or storage / "data")
    from platform.cli.console import Console

    console = Console()
    with console.loading():
        from platform.cli.tables import say_if_smoke

        from dashboards.points import as_json
        from dashboards.runs import share_tags
        from trainables.core.files import write_json
        from trainables.scoring.metric_names import METRIC_OF_KIND
    facts = datasets.facts(namespace.dataset, root)
    title, corruption = facts.title, namespace.corruption or facts.corruptions[0]
    if corruption not in facts.corruptions:
        raise unknown_name("corruption", corruption, facts.corruptions)
    tags = {"corruption": corruption, "preset": namespace.preset, "seed": str(namespace.seed)}
    shares = share_tags(namespace.resolution, namespace.train_fraction)
    tags |= {name: share for name, share in shares.items() if share != "1"}
    points = _points(uri, title, facts.answers, tags, namespace.tracking_patience)
    condition = condition_text(
        Degradation(corruption, namespace.resolution), namespace.train_fraction
    )
    words = [path_name(condition), namespace.preset, str(namespace.seed)]
    files = _files(writable_storage(namespace.storage), "-".join([title, *words]))
    heading = f"{title}, {condition} (preset {namespace.preset}, seed {namespace.seed})"
    _show(console, heading, points, METRIC_OF_KIND[facts.kind], files)
    say_if_smoke(console, namespace.preset)
    if json_file is not None:
        paths = {kind: str(path) for kind, path in files.items()}
        summary = {"dataset": title, **tags, "tracking_uri": without_passwords(uri), "files": paths}
        write_json(json_file, {**summary, "points": [as_json(p) for p in points]})
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = bare_parser(
        "python -m platform.compare",
        "Draw the fronts of every strategy that was swept on a dataset, from their confirmed points\n"
        "in MLflow. Nothing is measured.",
        "example: python -m platform.compare digits",
    )
    parser.add_argument("dataset", help=f"one of {', '.join(datasets.names())}")
    parser.add_argument(
        "--corruption", default=None, metavar="NAME", help="[the dataset's usual one]"
    )
    value: argparse.Namespace = with_tracking(with_setting(parser)).parse_args(arguments)
    return value


def _points(
    uri: str, title: str, answers: str, tags: dict[str, str], patience: float
) -> list[ReportedPoint]:
    """The confirmed points in the tracking store, of runs with these tags and records of today's format
    for these answers; the store may be away for so many seconds.

    Raises:
        UsageError: it cannot be read, or has none.
    """
    from platform.backend.tracking_store import client_of, failures_told

    from dashboards.runs import FORMAT, confirmed_points
    from trainables.evaluation.records import FORMATS

    client = client_of(uri, existing=True, patience=patience)
    try:
        with failures_told(uri):
            return confirmed_points(client, title, {**tags, FORMAT: str(FORMATS[answers])})
    except LookupError as error:
        raise UsageError(str(error)) from error


def _files(storage: Path, name: str) -> dict[str, Path]:
    """Where the figure and the table of this name go."""
    folder = storage / "compared"
    return {"figure": folder / f"{name}.png", "table": folder / f"{name}.csv"}


def _show(
    console: Console,
    heading: str,
    points: Sequence[ReportedPoint],
    metric: Metric,
    files: dict[str, Path],
) -> None:
    """Draw the points, write their table, and say which is best."""
    from platform.cli.tables import table_of_points

    from dashboards.curves import fronts_figure
    from dashboards.figure_files import figure_files
    from dashboards.points import to_csv
    from trainables.core.files import write_files
    from trainables.scoring.metric_names import ACCURACY, NFE

    figures = figure_files(files["figure"].stem, fronts_figure(heading, points, metric))
    table = {files["table"].name: to_csv(points).encode()}
    write_files(files["figure"].parent, figures | table)
    table_of_points(console, heading, points, metric)
    best = max(points, key=lambda p: p.test[ACCURACY])
    console.line(
        f"\nfound:    {len(points)} points; the best on test {metric.samples} is {best.label}, "
        f"{metric.title} {100 * best.test[metric.name]:.1f} % at {best.test[NFE]:.0f} calls"
    )
    for kind, path in files.items():
        console.line(f"{kind + ':':<10}{path}")


if __name__ == "__main__":
    sys.exit(main())
