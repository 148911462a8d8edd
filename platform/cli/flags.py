"""The flags that verbs share.

Nothing here imports torch, Ray or MLflow, which take seconds: help is shown, and a wrong word is refused,
at once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from platform.cli.parser import Parser, bare_parser
from platform.cli.seeds import add_seed_flag
from platform.planning import presets
from platform.planning.checkpoints import USUAL_WHISPER
from platform.planning.locations import (
    USUAL_STORAGE,
    absolute_path,
)
from platform.planning.plan import (
    SAMPLERS,
    USUAL_PATIENCE,
    USUAL_PRECISION,
    USUAL_SAMPLER,
)

from trainables import strategies
from trainables.core.errors import UsageError
from trainables.core.precision_names import PRECISIONS
from trainables.data import corruptions, datasets
from trainables.scoring.cost_metrics import COST_METRICS, USUAL_COST

EVERY = "all"
"""The word that stands for every strategy on the command line."""


def parser(prog: str, description: str, epilog: str, several_seeds: bool = False) -> Parser:
    """A parser with strategy, dataset and corruption, and the flags of `with_common`."""
    verb_parser = bare_parser(prog, description, epilog)
    verb_parser.add_argument(
        "strategy", help=f"how signal and logits take turns: {_list(strategies.names())}"
    )
    verb_parser.add_argument("dataset", help=f"what is classified: {_list(datasets.names())}")
    verb_parser.add_argument(
        "--corruption", default=None, metavar="NAME",
        help=f"what is done to images: {_list(corruptions.names())}; gn15, gn30 and gn45 replace 15, 30 "
        f"and 45 %% of the elements by noise; of speech one of the rooms or SNRs that its dataset has, such "
        f"as babble-loud of fsdd-babble [{corruptions.for_images()[0]}, or the dataset's usual one]",
    )  # fmt: skip
    return with_common(verb_parser, several_seeds)


def with_common(verb_parser: Parser, several_seeds: bool = False) -> Parser:
    """The parser with the flags that all verbs share that compute."""
    with_setting(verb_parser, several_seeds)
    _with_machine(verb_parser)
    _with_networks(verb_parser)
    return with_tracking(verb_parser)


def with_setting(verb_parser: Parser, several_seeds: bool = False) -> Parser:
    """The parser with the flags of preset, seed and directories; `several_seeds` lets the verb train at
    more than one seed, see `platform.cli.seeds`.
    """
    verb_parser.add_argument(
        "--preset", default=presets.USUAL, metavar="|".join(presets.NAMES),
        help="size of everything: smoke to see that it works (a minute), quick for a laptop "
        "(minutes), standard for the paper's networks on one GPU (hours), paper for its training too, on "
        "GPUs [%(default)s]",
    )  # fmt: skip
    add_seed_flag(verb_parser, several_seeds)
    verb_parser.add_argument(
        "--resolution", type=float, default=1.0, metavar="R",
        help="reduce the corrupted image to this share of its rows and columns, such as 0.5, and bring it "
        "back; with --corruption none nothing else is done to it [%(default)g, as it is]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--train-fraction", type=float, default=1.0, metavar="F",
        help="share of the training split that everything is trained on, each class alike [%(default)g, all]",
    )  # fmt: skip
    add_storage(verb_parser)
    verb_parser.add_argument(
        "--data-dir", default=None, metavar="DIR",
        help="directory with the dataset's files, such as train/CLASS/*.png and test/CLASS/*.png for "
        "the dataset folder [downloads, kept in the storage]",
    )  # fmt: skip
    return verb_parser


def with_tracking(verb_parser: Parser) -> Parser:
    """The parser with the flags that say where runs are recorded and a summary is written."""
    _add_tracking(verb_parser)
    verb_parser.add_argument(
        "--tracking-patience", type=float, default=USUAL_PATIENCE, metavar="SECONDS",
        help="how long a tracking store that goes away is waited for; then the run ends, with all that was "
        "finished, and the same command goes on [%(default)g]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--json", default=None, metavar="FILE", help="write the summary for scripts to FILE"
    )
    return verb_parser


def with_places(verb_parser: Parser) -> Parser:
    """The parser with the flags of the storage and of the tracking store alone."""
    add_storage(verb_parser)
    _add_tracking(verb_parser)
    return verb_parser


def add_storage(verb_parser: Parser) -> None:
    """Add the flag of the storage."""
    verb_parser.add_argument(
        "--storage", default=USUAL_STORAGE, metavar="PLACE",
        help="directory that all output goes under, or an object store, such as s3://bucket/runs; on a "
        "cluster, one that all nodes share [%(default)s]",
    )  # fmt: skip


def _add_tracking(verb_parser: Parser) -> None:
    verb_parser.add_argument(
        "--tracking-uri", default=None, metavar="URI",
        help="where MLflow records [MLFLOW_TRACKING_URI, else an SQLite file in the storage, or of this "
        "machine where the storage is an object store]",
    )  # fmt: skip


def _with_machine(verb_parser: Parser) -> None:
    """Add the flags that say what the work runs on."""
    verb_parser.add_argument(
        "--workers", type=int, default=0, metavar="N",
        help="trials at a time, and training workers [on CPUs a trial a core, and one worker; on GPUs as "
        "many trials as fit, and a worker a GPU, which are never more]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--gpus-per-trial", type=float, default=None, metavar="X",
        help="share of a GPU for each trial, up to 1; training takes whole ones; 0 uses none [all GPUs are "
        "used, by as many trials as fit into their memory]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--precision", default=USUAL_PRECISION, metavar="|".join(PRECISIONS),
        help="what networks compute in when they sample: bf16 is about twice as fast where the device "
        "has it, which auto finds out (training's is the preset's) [%(default)s]",
    )  # fmt: skip


def _with_networks(verb_parser: Parser) -> None:
    """Add the flags that name published networks of speech."""
    verb_parser.add_argument(
        "--whisper", default=USUAL_WHISPER, metavar="SIZE|FILE",
        help="which Whisper classifies speech: a published size, which is downloaded, or a checkpoint "
        "file [%(default)s]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--sgmse", default=None, metavar="FILE",
        help="checkpoint published by SGMSE that the signal denoiser of speech starts from, with "
        "--preset standard or paper [none: it starts untrained]",
    )  # fmt: skip


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


def sweep_parser() -> Parser:
    """The parser of `python -m platform.sweep`."""
    verb_parser = parser(
        "python -m platform.sweep",
        "Train what a strategy needs (once), search its sampling parameters for the best accuracy\n"
        "at the fewest network calls, confirm the front on test data, record all in MLflow.",
        "example: python -m platform.sweep nested digits\n"
        f"Several strategies are separated by commas, {EVERY!r} stands for every one: each has the same "
        "budget,\nand all are compared at the end.\n"
        "A sweep that is started again goes on where it was: parts, trials and what was measured are kept.",
    )
    return _with_search(verb_parser)


def submit_parser() -> Parser:
    """The parser of `python -m platform.submit`: that of a sweep, and what is of the submission alone."""
    verb_parser = parser(
        "python -m platform.submit",
        "Run a sweep as a job on a Ray cluster: python -m platform.sweep with the same words, there.\n"
        "This checkout is uploaded, the sweep's output is shown here as it comes.",
        "example: python -m platform.submit nested digits --address http://HOST:8265 --storage /shared/runs\n"
        "Paths are those of the cluster's nodes. Ctrl-C ends the showing, not the job; how to stop that is\n"
        "printed. The exit status is the sweep's own.",
    )
    verb_parser.add_argument(
        "--address", default=None, metavar="URL",
        help="the cluster's dashboard, which takes jobs [RAY_API_SERVER_ADDRESS, else RAY_ADDRESS, else "
        "http://127.0.0.1:8265]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--no-wait", action="store_true", help="only submit the job, do not show what it says"
    )
    return _with_search(verb_parser)


def _with_search(verb_parser: Parser) -> Parser:
    """The parser with the flags that say how a sweep searches."""
    _add_study(verb_parser)
    _add_savings(verb_parser)
    _add_objectives(verb_parser)
    verb_parser.add_argument(
        "--side-by-side", type=int, default=None, metavar="N",
        help="with several strategies, on a Ray cluster that is joined: how many strategies are swept at "
        "a time, each by a process of its own [as many as have room for all their trials, or for their "
        "trainings, but not more than the driver's machine has CPUs; 1 on a machine of its own]",
    )  # fmt: skip
    add_dry_run(verb_parser, "show the plan with predicted trials, NFE and time, and stop")
    return verb_parser


def add_dry_run(verb_parser: Parser, text: str) -> None:
    """Add the flag of what is foreseen only; `text` says what that shows."""
    verb_parser.add_argument("--dry-run", action="store_true", help=text)


def _add_study(verb_parser: Parser) -> None:
    """Add the flags of the study: how many trials it has, where it is, what chooses its points."""
    verb_parser.add_argument(
        "--trials", type=int, default=None, metavar="N",
        help="complete trials the sweep is to have in all [24 with quick]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--fresh", action="store_true", help="search anew, without the trials of earlier runs"
    )
    verb_parser.add_argument(
        "--study-uri", default=None, metavar="URI",
        help="the database for Optuna's study, postgresql://…, mysql://… or sqlite:///…; the same search "
        "[COUPLED_STUDY_URI, else journal, a file in the sweep's folder]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--sampler", default=USUAL_SAMPLER, metavar="|".join(SAMPLERS),
        help="what chooses the points of the search, all Optuna's own [%(default)s]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--warm-start", action="store_true",
        help="begin the search with the confirmed fronts of this strategy's earlier sweeps in the storage, "
        "of this dataset or of others of the same kind",
    )  # fmt: skip


def _add_savings(verb_parser: Parser) -> None:
    """Add the flags by which samples are spent where they matter."""
    verb_parser.add_argument(
        "--settled", action="store_true",
        help="search also whether a sample's chains end as soon as its leading class is far enough ahead: "
        "calls are then a mean over samples; another search than without",
    )  # fmt: skip
    verb_parser.add_argument(
        "--racing", action="store_true",
        help="measure trials in blocks of samples, and stop one as soon as it is known to be beaten by "
        "another that costs no more",
    )  # fmt: skip


def _add_objectives(verb_parser: Parser) -> None:
    """Add the flags of what is searched for: the cost beside accuracy, and bounds."""
    verb_parser.add_argument(
        "--cost", default=USUAL_COST, metavar="|".join(COST_METRICS),
        help="what the search makes little of, beside much accuracy, all for one sample: denoiser calls, "
        "FLOPs of all networks, or seconds, timed with one trial at a time [%(default)s]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--max-cost", type=_number, default=0, metavar="N",
        help="search for points of at most this cost (NFE, or what --cost names), and name the best of them "
        "too, beside the best and the cheapest within a percentage point of it [no bound]",
    )  # fmt: skip
    verb_parser.add_argument(
        "--min-accuracy", type=_number, default=0, metavar="A",
        help="search for points of at least this accuracy, from 0 to 1 (for speech 1 - WER), and name the "
        "cheapest of them too [no bound]",
    )  # fmt: skip


def _number(text: str) -> float:
    """A number of the command line, a whole one as such."""
    value = float(text)
    return int(value) if value.is_integer() else value


def summary_file(path: str | None) -> Path | None:
    """The absolute path of the summary's file, which is refused now if it could not be written later.

    Raises:
        UsageError: it is a directory, or its directory is missing or closed.
    """
    if path is None:
        return None
    file = absolute_path(path)
    if file.is_dir() or not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise UsageError(f"--json {file} cannot be written: name a file in a directory that exists")
    return file
