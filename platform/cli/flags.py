"""The command line: arguments that every verb shares, and refusals of one clear line."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from platform.planning import presets
from platform.planning.checkpoints import USUAL_WHISPER, sgmse_of, whisper_of
from platform.planning.locations import data_directory, tracking_uri, writable_storage
from platform.planning.plan import Plan, usual_corruption
from typing import NoReturn

from trainables import strategies
from trainables.core.errors import UsageError
from trainables.core.precision import PRECISIONS
from trainables.data import corruptions, datasets
from trainables.evaluation.storage import Storage
from trainables.strategies import load

EVERY = "all"
"""What stands for every strategy on the command line."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals are `UsageError`s and name the nearest valid flag."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")

    def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Parse, refusing what is unknown."""
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return known

    def _unknown(self, given: str) -> str:
        if not given.startswith("-"):
            return f"unexpected argument {given!r}"
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = difflib.get_close_matches(given.split("=")[0], flags, n=1, cutoff=0.5)
        return f"unknown flag {given!r}" + (f": did you mean {near[0]}?" if near else "")


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


def bare_parser(prog: str, description: str, epilog: str) -> Parser:
    """A parser without arguments."""
    return Parser(
        prog=prog,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def with_common(made: Parser) -> Parser:
    """The parser with the flags of a verb that computes."""
    with_setting(made)
    _with_machine(made)
    _with_networks(made)
    return with_tracking(made)


def with_setting(made: Parser) -> Parser:
    """The parser with the flags that say what was asked of a dataset, and where all of it is."""
    made.add_argument(
        "--preset", default="quick", metavar="|".join(presets.NAMES),
        help="size of everything: smoke to see that it works (a minute), quick for a laptop "
        "(minutes), paper for the paper's networks and 150 steps on GPUs [%(default)s]",
    )  # fmt: skip
    made.add_argument(
        "--seed", type=int, default=0, metavar="N",
        help="of training, search and sampling; the same seed gives the same numbers [%(default)s]",
    )  # fmt: skip
    made.add_argument(
        "--storage", default="runs", metavar="DIR",
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
        "--precision", default="auto", metavar="|".join(PRECISIONS),
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


def parse_sweep(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments of `platform.sweep`.

    Raises:
        UsageError: a flag is unknown, or a value is of the wrong type.
    """
    return sweep_parser().parse_args(arguments)


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


def strategies_of(asked: argparse.Namespace, searched: bool = False) -> list[str]:
    """The strategies that were asked for, with `searched` those only that have something to search;
    the first takes the place of `EVERY` in `asked`.
    """
    wanted = [asked.strategy]
    if asked.strategy == EVERY:
        wanted = [n for n in strategies.names() if not searched or fields(load(n).Parameters)]
    asked.strategy = wanted[0]
    return wanted


def plan_of(asked: argparse.Namespace) -> Plan:
    """The plan that was asked for; a verb that does not search has no `trials`.

    Raises:
        UsageError: it is not possible.
    """
    storage = writable_storage(asked.storage)
    places = Storage(str(storage), data_directory(asked.data_dir))
    plan = Plan(
        strategy=asked.strategy,
        dataset=asked.dataset,
        corruption=asked.corruption or usual_corruption(asked.dataset, places),
        preset=asked.preset,
        trials=1,
        seed=asked.seed,
        workers=asked.workers,
        gpus_per_trial=asked.gpus_per_trial,
        storage=str(storage),
        tracking_uri=tracking_uri(asked.tracking_uri, storage, os.environ),
        data_dir=places.data_dir,
        fresh=getattr(asked, "fresh", False),
        precision=asked.precision,
        whisper=whisper_of(asked.whisper),
        sgmse=sgmse_of(asked.sgmse),
    )
    trials = getattr(asked, "trials", None)
    return replace(plan, trials=plan.budget.trials if trials is None else trials)
