"""The flags that verbs share, and the plans that their values stand for.

Nothing here imports torch, Ray or MLflow, which take seconds: help is shown, and a wrong word is refused,
at once.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from platform.cli.parser import Parser, bare_parser
from platform.planning import presets
from platform.planning.checkpoints import USUAL_WHISPER, sgmse_of, whisper_of
from platform.planning.locations import (
    USUAL_STORAGE,
    data_directory,
    tracking_uri,
    writable_storage,
)
from platform.planning.plan import (
    NAMES,
    RANGES,
    USUAL_PRECISION,
    Plan,
    check_gpus,
    check_names,
    check_numbers,
)
from platform.planning.setup import facts_of

from trainables import strategies
from trainables.core.errors import UsageError
from trainables.core.precision_names import PRECISIONS
from trainables.data import corruptions, datasets

EVERY = "all"
"""What stands for every strategy on the command line."""


def parser(prog: str, description: str, epilog: str) -> Parser:
    """A parser with the arguments that say what is worked on and where."""
    made = bare_parser(prog, description, epilog)
    made.add_argument(
        "strategy", help=f"how signal and logits take turns: {_list(strategies.names())}"
    )
    made.add_argument("dataset", help=f"what is classified: {_list(datasets.names())}")
    made.add_argument(
        "--corruption", default=None, metavar="NAME",
        help=f"what is done to images: {_list(corruptions.names())}; gn15 and gn30 replace 15 %% and 30 %% "
        f"of the pixels by noise; of speech it is a part of the dataset [{corruptions.for_images()[0]}]",
    )  # fmt: skip
    return with_common(made)


def with_common(made: Parser) -> Parser:
    """The parser with the flags of a verb that computes."""
    with_setting(made)
    _with_machine(made)
    _with_networks(made)
    return with_tracking(made)


def with_setting(made: Parser) -> Parser:
    """The parser with the flags that say what was asked of a dataset, and where all of it is."""
    made.add_argument(
        "--preset", default=presets.USUAL, metavar="|".join(presets.NAMES),
        help="size of everything: smoke to see that it works (a minute), quick for a laptop "
        "(minutes), paper for the paper's networks and 150 steps on GPUs [%(default)s]",
    )  # fmt: skip
    made.add_argument(
        "--seed", type=int, default=0, metavar="N",
        help="of training, search and sampling; the same seed gives the same numbers [%(default)s]",
    )  # fmt: skip
    made.add_argument(
        "--storage", default=USUAL_STORAGE, metavar="DIR",
        help="directory that all output goes under; on a cluster, one that all nodes share "
        "[%(default)s]",
    )  # fmt: skip
    made.add_argument(
        "--data-dir", default=None, metavar="DIR",
        help="directory with the dataset's files, such as train/CLASS/*.png and test/CLASS/*.png for "
        "the dataset folder [downloads, kept in the storage]",
    )  # fmt: skip
    return made


def with_tracking(made: Parser) -> Parser:
    """The parser with the flags that say where runs and a summary are kept."""
    made.add_argument(
        "--tracking-uri", default=None, metavar="URI",
        help="where MLflow records [MLFLOW_TRACKING_URI, else an SQLite file in the storage]",
    )  # fmt: skip
    made.add_argument(
        "--json", default=None, metavar="FILE", help="write the summary for scripts to FILE"
    )
    return made


def _with_machine(made: Parser) -> None:
    """The flags that say what the work runs on."""
    made.add_argument(
        "--workers", type=int, default=0, metavar="N",
        help="trials at a time, and training workers [on CPUs a trial a core, and one worker; on GPUs as "
        "many trials as fit, and a worker a GPU, which are never more]",
    )  # fmt: skip
    made.add_argument(
        "--gpus-per-trial", type=float, default=None, metavar="X",
        help="share of a GPU for each trial, up to 1; training takes whole ones; 0 uses none [all GPUs are "
        "used, by as many trials as fit into their memory]",
    )  # fmt: skip
    made.add_argument(
        "--precision", default=USUAL_PRECISION, metavar="|".join(PRECISIONS),
        help="what networks compute in when they sample: bf16 is about twice as fast where the device "
        "has it, which auto finds out (training's is the preset's) [%(default)s]",
    )  # fmt: skip


def _with_networks(made: Parser) -> None:
    """The flags that name published networks of speech."""
    made.add_argument(
        "--whisper", default=USUAL_WHISPER, metavar="SIZE|FILE",
        help="which Whisper classifies speech: a published size, which is downloaded, or a checkpoint "
        "file [%(default)s]",
    )  # fmt: skip
    made.add_argument(
        "--sgmse", default=None, metavar="FILE",
        help="checkpoint published by SGMSE that the signal denoiser of speech starts from, with "
        "--preset paper [none: it starts untrained]",
    )  # fmt: skip


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


def sweep_parser() -> Parser:
    """The parser of `python -m platform.sweep`."""
    made = parser(
        "python -m platform.sweep",
        "Train what a strategy needs (once), search its sampling parameters for the best accuracy\n"
        "at the fewest network calls, confirm the front on test data, record all in MLflow.",
        "example: python -m platform.sweep nested digits\n"
        f"The strategy {EVERY!r} stands for every one, each with the same budget.\n"
        "A sweep that is started again goes on where it was: finished parts and trials are kept.",
    )
    made.add_argument(
        "--trials", type=int, default=None, metavar="N",
        help="complete trials the sweep is to have in all [24 with quick]",
    )  # fmt: skip
    made.add_argument(
        "--fresh", action="store_true", help="search anew, without the trials of earlier runs"
    )
    made.add_argument(
        "--dry-run", action="store_true",
        help="show the plan with predicted trials, NFE and time, and stop",
    )  # fmt: skip
    return made


def summary_file(asked: str | None) -> Path | None:
    """The file for the summary, absolute; refused now if it could not be written later.

    Raises:
        UsageError: it is a directory, or its directory is missing or closed.
    """
    if asked is None:
        return None
    path = Path(os.path.abspath(asked))
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(f"--json {path} cannot be written: name a file in a directory that exists")
    return path


def plans_of(asked: argparse.Namespace, searched: bool = False) -> list[Plan]:
    """The plans that were asked for, one a strategy; with `searched` those strategies only that have
    something to search.

    Raises:
        UsageError: one is not possible.
    """
    return [plan_of(asked, strategy=name) for name in _strategies(asked, searched)]


def check_words(asked: argparse.Namespace, **named: str | None) -> None:
    """Refuse names and numbers that no plan can have, of those that a verb asks for.

    Raises:
        UsageError: a name is unknown, or a number out of range.
    """
    given = {name: value for name, value in (vars(asked) | named).items() if value is not None}
    check_names(**{name: given[name] for name in NAMES if name in given})
    check_numbers(**{name: given[name] for name in RANGES if name in given})
    check_gpus(given.get("gpus_per_trial"))


def plan_of(asked: argparse.Namespace, **named: str | None) -> Plan:
    """The plan that was asked for, with the strategy, dataset and corruption that are `named` in the
    place of those asked for; a verb that does not search has no `trials`.

    Raises:
        UsageError: it is not possible. What can be told without torch is told first.
    """
    check_words(asked, **named)
    given = vars(asked) | named
    trials = given.get("trials")
    whisper, sgmse = whisper_of(asked.whisper), sgmse_of(asked.sgmse)
    data_dir, storage = data_directory(asked.data_dir), writable_storage(asked.storage)
    uri = tracking_uri(asked.tracking_uri, storage, os.environ)
    from trainables.evaluation.storage import Storage  # with torch, once all above is right

    facts = facts_of(given["dataset"], Storage(str(storage), data_dir).data)
    return Plan(
        strategy=given["strategy"],
        dataset=given["dataset"],
        corruption=given["corruption"] or facts.corruptions[0],
        preset=asked.preset,
        trials=presets.preset(asked.preset, facts).trials if trials is None else trials,
        seed=asked.seed,
        workers=asked.workers,
        gpus_per_trial=asked.gpus_per_trial,
        storage=str(storage),
        tracking_uri=uri,
        data_dir=data_dir,
        fresh=given.get("fresh", False),
        precision=asked.precision,
        whisper=whisper,
        sgmse=sgmse,
    )


def _strategies(asked: argparse.Namespace, searched: bool) -> list[str]:
    """Names of the strategies that were asked for.

    Raises:
        UsageError: strategy and dataset are in each other's place.
    """
    if asked.strategy in datasets.names() and asked.dataset in (*strategies.names(), EVERY):
        words = f"{asked.dataset} {asked.strategy}"
        raise UsageError(
            f"{asked.strategy} is a dataset and {asked.dataset} a strategy: swap them, {words}"
        )
    if asked.strategy != EVERY:
        return [asked.strategy]
    return [n for n in strategies.names() if not searched or fields(strategies.load(n).Parameters)]
