"""The flag `--seed`: one seed, or for verbs that compare trainings several, separated by commas.

`--seeds` is taken by `platform.evaluate` for the number of samplings.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from platform.cli.comma_lists import SEPARATOR, list_flag
from platform.cli.parser import Parser
from platform.planning.plan import MAX_TRAINING_SEEDS

TRAINING_SEEDS = "training_seeds"
"""The name of the argument with all seeds of a verb that takes several; `seed` is then their first."""
_HELP = "of training, search and sampling; the same seed gives the same numbers [0]"
_HELP_SEVERAL = (
    "of training and sampling; the same seed gives the same numbers; several, such as 0,1,2, are a training "
    "each, and intervals and tests are over seeds and samples [0]"
)


def add_seed_flag(verb_parser: Parser, several: bool) -> None:
    """Add the flag, of one seed or of `several`."""
    if not several:
        verb_parser.add_argument("--seed", type=_one_seed, default=0, metavar="N", help=_HELP)
        return
    verb_parser.set_defaults(seed=0, **{TRAINING_SEEDS: (0,)})
    verb_parser.add_argument(
        "--seed", type=seed_list, action=_StoreSeeds, default=0, metavar="N[,N...]",
        help=_HELP_SEVERAL,
    )  # fmt: skip


class _StoreSeeds(argparse.Action):
    """Keep all seeds, and the first of them as the seed."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[int] | None,
        option_string: str | None = None,
    ) -> None:
        seeds = tuple(int(seed) for seed in values or ())
        namespace.seed = seeds[0]
        setattr(namespace, TRAINING_SEEDS, seeds)


def _one_seed(text: str) -> int:
    """The seed of a verb that takes one."""
    if SEPARATOR in text:
        raise argparse.ArgumentTypeError(
            f"takes one seed here, not {text!r}: evaluate and reproduce take several"
        )
    return _number(text)


def seed_list(text: str) -> tuple[int, ...]:
    """Different seeds, separated by commas."""
    seeds = list_flag("seed", "0,1,2", _number)(text)
    if len(seeds) > MAX_TRAINING_SEEDS:
        raise argparse.ArgumentTypeError(
            f"{len(seeds)} seeds are given, but at most {MAX_TRAINING_SEEDS} can be"
        )
    return seeds


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"invalid int value: {text!r}") from error
