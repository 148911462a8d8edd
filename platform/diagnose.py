"""`python -m platform.diagnose DATASET`: where a guiding classifier can be trusted, step by step.

For images and spoken words, whose true posterior nobody knows, from the cross-entropy of both guides of the
strategy `guided`; for Gaussian mixtures, whose posterior is known, the guidance error itself beside the
paper's bound.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from platform.cli.flags import summary_file, with_common
from platform.cli.parser import Parser, bare_parser
from platform.cli.plans import check_words, plan_of
from platform.diagnosis.names import MIXTURE, STEPS, STRATEGY
from platform.planning.locations import tracking_uri, writable_storage
from typing import TYPE_CHECKING

from trainables.core.errors import UsageError, check_range, unknown_name
from trainables.data import corruptions, datasets

if TYPE_CHECKING:
    # Loading torch and Ray takes seconds, so what needs them is imported once it is known what to do.
    from platform.cli.console import Console

_ONLY_DATA = ("corruption", "data_dir", "workers", "gpus_per_trial", "precision", "steps")
_ONLY_SPEECH = ("whisper", "sgmse")


def main(arguments: Sequence[str] | None = None) -> int:
    """Diagnose guiding classifiers; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    verb_parser = _parser()
    namespace: argparse.Namespace = verb_parser.parse_args(arguments)
    _check(verb_parser, namespace)
    json_file = summary_file(namespace.json)
    from platform.cli.console import Console

    console = Console()
    if namespace.dataset == MIXTURE:
        return _mixture(namespace, console, json_file)
    with console.loading():
        from platform.diagnosis.guides_report import diagnose_guides
        from platform.planning.setup import setup_of

        writable_storage(namespace.storage)
        setup = setup_of(plan_of(namespace, strategy=STRATEGY))
    return diagnose_guides(setup, namespace.steps, console, json_file)


def _mixture(namespace: argparse.Namespace, console: Console, json_file: Path | None) -> int:
    """Diagnose classifiers of mixtures; returns the exit status."""
    storage = writable_storage(namespace.storage)
    uri = tracking_uri(namespace.tracking_uri, storage, os.environ)
    with console.loading():
        from platform.diagnosis.mixture_report import MixtureWork, diagnose_mixture
    work = MixtureWork(namespace.preset, namespace.seed, storage, uri, namespace.tracking_patience)
    return diagnose_mixture(work, console, json_file)


def _parser() -> Parser:
    verb_parser = bare_parser(
        "python -m platform.diagnose",
        "Measure the cross-entropy of guiding classifiers at each diffusion step, and say where guidance\n"
        "can be trusted; where the true posterior is known, the guidance error beside the paper's bound.",
        "examples: python -m platform.diagnose digits, then python -m platform.sweep guided digits\n"
        f"          python -m platform.diagnose {MIXTURE}\n"
        "On data the parts of guided are trained where they are missing, and the range of steps in which\n"
        "guidance can be trusted is proposed to its search. Mixtures are made up and need no data.",
    )
    verb_parser.add_argument(
        "dataset",
        help=f"what is diagnosed: {MIXTURE}, or a dataset of images or words: {', '.join(datasets.names())}",
    )
    verb_parser.add_argument(
        "--corruption", default=None, metavar="NAME",
        help=f"what is done to images: {', '.join(corruptions.names())} [{corruptions.for_images()[0]}; the "
        "dataset's own, where it is of speech]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--steps", type=int, default=None, metavar="N",
        help="at how many selected diffusion steps signals are looked at "
        f"[{STEPS}, or all where they are fewer]",
    )  # fmt: skip
    return with_common(verb_parser)


def _check(verb_parser: Parser, namespace: argparse.Namespace) -> None:
    """Refuse words that are unknown, and flags that mean nothing for this dataset.

    Raises:
        UsageError: one is given.
    """
    is_mixture = namespace.dataset == MIXTURE
    if not is_mixture and namespace.dataset not in datasets.names():
        raise unknown_name("dataset", namespace.dataset, [MIXTURE, *datasets.names()])
    check_words(namespace, dataset=None if is_mixture else namespace.dataset)
    is_speech = not is_mixture and datasets.must_be_built(namespace.dataset)
    unused = (*(() if is_speech else _ONLY_SPEECH), *(_ONLY_DATA if is_mixture else ()))
    for name in unused:
        if getattr(namespace, name) != verb_parser.get_default(name):
            what = "mixtures are made up and trained in this process" if is_mixture else "images"
            raise UsageError(
                f"--{name.replace('_', '-')} means nothing here ({what}): leave it out"
            )
    check_range("--steps", 1 if namespace.steps is None else namespace.steps, 1, 100_000)
    if is_speech and datasets.answers(namespace.dataset) == "sentence":
        raise UsageError(
            f"the sentences of {namespace.dataset} are not guided by gradients: choose images or words, such "
            f"as digits or fsdd-babble, or {MIXTURE}"
        )


if __name__ == "__main__":
    sys.exit(main())
