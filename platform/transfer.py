"""`python -m platform.transfer DATASET`: points trained on one corruption, measured under the others.

Every strategy is trained for one corruption. This verb says what that is worth under another: a matrix of
what was trained on by what was tested on, and which strategy loses least.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from platform.cli import interrupts
from platform.cli.comma_lists import list_flag
from platform.cli.flags import summary_file, with_common
from platform.cli.parser import bare_parser
from platform.cli.plans import check_words

from trainables import strategies
from trainables.core.errors import UsageError, check_choice
from trainables.data import corruptions, datasets
from trainables.data.degradation import degradation_of

_POINTS = ("best", "all")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is lost under other corruptions; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    namespace = _parse(arguments)
    json_file = summary_file(namespace.json)
    from platform.cli.console import Console

    console = Console()
    with console.loading():
        from platform.robustness.report import transfer
    return transfer(namespace, console, json_file)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    verb_parser = bare_parser(
        "python -m platform.transfer",
        "Measure points that were trained on one corruption under the others, on test data: a matrix of\n"
        "trained by tested, and which strategy loses least.",
        "example: python -m platform.transfer digits --trained gn30 --tested gn15,gn45,none@0.5\n"
        "A corruption may have a resolution after it: gn30@0.5 is gn30, then half of the rows and columns.\n"
        "Strategies that were swept at the trained corruption are measured at the point that their sweep\n"
        "found best, others at the paper's; parts that are missing are trained.",
    )
    degradations = list_flag("degradation", "gn15,none@0.5", str)
    verb_parser.add_argument("dataset", help=f"what is classified: {', '.join(datasets.names())}")
    verb_parser.add_argument(
        "--trained", type=degradations, default=(), metavar="NAME[,NAME...]",
        help="what parts are trained on [the dataset's usual corruption]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--tested", type=degradations, default=(), metavar="NAME[,NAME...]",
        help=f"what points are measured under [{','.join(corruptions.names())},none@0.5; of spoken words "
        "all rooms or SNRs of the dataset]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--strategies", type=list_flag("strategy", "nested,card", str), default=(),
        metavar="NAME[,NAME...]",
        help="which strategies, beside the baselines [those that were swept, else the paper's]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--points", default=_POINTS[0], metavar="|".join(_POINTS),
        help="of a sweep the best point, or all that it confirmed [%(default)s]",
    )  # fmt: skip
    namespace: argparse.Namespace = with_common(verb_parser).parse_args(arguments)
    check_words(namespace)
    for strategy in namespace.strategies:
        check_words(namespace, strategy=strategy)
        strategies.load(strategy)
    check_choice("--points", namespace.points, _POINTS)
    if not datasets.must_be_built(namespace.dataset):  # such a dataset has corruptions of its own
        for written in (*namespace.trained, *namespace.tested):
            check_choice("corruption", degradation_of(written).corruption, corruptions.names())
    if namespace.resolution != 1:
        raise UsageError(
            "transfer tests several resolutions: leave out --resolution, and write it after what is "
            "trained or tested, such as --trained gn30@0.5"
        )
    return namespace


if __name__ == "__main__":
    sys.exit(main())
