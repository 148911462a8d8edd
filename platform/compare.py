"""`python -m platform.compare [DATASET ...]`: all that was swept, side by side, from what MLflow keeps."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from platform.cli.flags import add_storage, summary_file, with_tracking
from platform.cli.parser import bare_parser
from platform.cli.plans import check_words
from platform.cli.seeds import TRAINING_SEEDS, seed_list
from platform.planning import presets
from platform.planning.locations import data_directory, local_storage, tracking_uri

from trainables.data import corruptions, datasets
from trainables.scoring.cost_metrics import COMPARED_COSTS, USUAL_COST

_PATIENCE = 30.0  # seconds that the store may be away: nothing is lost if it is


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare what was swept; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    namespace = _parse(arguments)
    check_words(namespace)
    json_file = summary_file(namespace.json)
    data_dir = data_directory(namespace.data_dir)
    storage = local_storage(namespace.storage)
    uri = tracking_uri(namespace.tracking_uri, storage, os.environ)
    from platform.backend.tracking_store import check_recorded, client_of
    from platform.cli.console import Console

    check_recorded(uri)
    console = Console()
    with console.loading():
        client = client_of(uri, existing=True, patience=namespace.tracking_patience)
        from platform.comparison.work import Place, compare_all  # once the store has answered

        titles = _titles(namespace.datasets, data_dir) if namespace.datasets else None
    compare_all(console, namespace, titles, Place(client, uri, storage), json_file)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = bare_parser(
        "python -m platform.compare",
        "Compare what was swept, from what MLflow keeps of it: the fronts of all strategies, paired tests\n"
        "between them, and what is found, as a page, figures and tables. Nothing is measured.",
        "example: python -m platform.compare digits\n"
        "Sweeps by anyone count, the newest of each strategy. Training seeds are pooled.",
    )
    parser.add_argument(
        "datasets", nargs="*", metavar="DATASET",
        help=f"{', '.join(datasets.names())}, or the name of an experiment in MLflow [all that were swept]",
    )  # fmt: skip
    parser.add_argument(
        "--corruption", default=None, metavar="NAME",
        help=f"such as {', '.join(corruptions.names())} [all]",
    )  # fmt: skip
    parser.add_argument(
        "--preset", default=None, metavar="|".join(presets.NAMES),
        help="of the sweeps [all]",
    )  # fmt: skip
    parser.add_argument(
        "--seed", dest=TRAINING_SEEDS, type=seed_list, default=None, metavar="N[,N...]",
        help="training seeds; several are pooled, and intervals and tests are over seeds and samples [all]",
    )  # fmt: skip
    for flag, subject in (("--resolution", "images"), ("--train-fraction", "the training split")):
        parser.add_argument(
            flag, type=float, default=None, metavar="SHARE", help=f"share of {subject} [all]"
        )
    parser.add_argument(
        "--cost", default=USUAL_COST, metavar="|".join(COMPARED_COSTS),
        help="what a point costs: calls of denoisers, GFLOPs, or seconds, for one sample [%(default)s]",
    )  # fmt: skip
    parser.add_argument(
        "--max-cost", type=float, default=0, metavar="N",
        help="name the best point that costs N at most too [none]",
    )  # fmt: skip
    add_storage(parser)
    parser.add_argument(
        "--data-dir", default=None, metavar="DIR",
        help="directory with the dataset's files, after which sweeps of the dataset folder are named",
    )  # fmt: skip
    with_tracking(parser).set_defaults(tracking_patience=_PATIENCE)
    value: argparse.Namespace = parser.parse_args(arguments)
    return value


def _titles(words: Sequence[str], data_dir: str) -> tuple[str, ...]:
    """What experiments of these datasets are called. The data need not be there, except where it is what
    names them.
    """
    if not data_dir:
        return tuple(dict.fromkeys(words))
    known, root = datasets.names(), Path(data_dir)
    titles = [datasets.facts(word, root).title if word in known else word for word in words]
    return tuple(dict.fromkeys(titles))


if __name__ == "__main__":
    sys.exit(main())
