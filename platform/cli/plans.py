"""The plans that the values of flags stand for.

Nothing here imports torch, Ray or MLflow before it is known that the words are right: a wrong one is refused
at once.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import fields, replace
from platform.cli.comma_lists import SEPARATOR, listed
from platform.cli.flags import EVERY
from platform.cli.seeds import TRAINING_SEEDS
from platform.planning import presets
from platform.planning.checkpoints import sgmse_of, whisper_of
from platform.planning.locations import (
    data_directory,
    storage_root,
    study_uri,
    tracking_uri,
)
from platform.planning.plan import (
    NAMES,
    RANGES,
    SHARES,
    USUAL_SAMPLER,
    Plan,
    check_gpus,
    check_names,
    check_numbers,
    check_shares,
)
from platform.planning.setup import facts_of

from trainables import strategies
from trainables.core.errors import UsageError, check_range
from trainables.core.places import workspace
from trainables.data import datasets
from trainables.scoring.cost_metrics import BY_SECONDS, COST_METRICS, USUAL_COST

_MOST_SIDE_BY_SIDE = 1000  # sweeps, each of which has a process


def plans_of(namespace: argparse.Namespace, searched: bool = False) -> list[Plan]:
    """The plans that the arguments stand for, one a strategy; `searched` leaves out strategies that have
    nothing to search.

    Raises:
        UsageError: one is not possible.
    """
    return [plan_of(namespace, strategy=name) for name in strategies_of(namespace, searched)]


def plans_of_seeds(namespace: argparse.Namespace, plan: Plan) -> list[Plan]:
    """The plan at every training seed that the arguments name."""
    return [replace(plan, seed=seed) for seed in getattr(namespace, TRAINING_SEEDS)]


def datasets_of(namespace: argparse.Namespace) -> list[str]:
    """The datasets that the arguments name, by position and by flag; none where the verb's own are meant."""
    return [*namespace.names, *(namespace.datasets or ())]


def check_words(namespace: argparse.Namespace, **named: str | None) -> None:
    """Refuse names and numbers that no plan can have; those that are `named` stand in the place of the
    arguments.

    Raises:
        UsageError: a name is unknown, or a number out of range.
    """
    pairs = (vars(namespace) | named).items()
    values = {name: value for name, value in pairs if value is not None}
    check_names(**{name: values[name] for name in NAMES if name in values})
    check_numbers(**{name: values[name] for name in RANGES if name in values})
    for seed in values.get(TRAINING_SEEDS, ()):
        check_numbers(seed=seed)
    check_gpus(values.get("gpus_per_trial"))
    _check_side_by_side(namespace)
    check_shares(**{name: values[name] for name in SHARES if name in values})


def _check_side_by_side(namespace: argparse.Namespace) -> None:
    """Refuse sweeps side by side where there is one, or where they are timed."""
    count = vars(namespace).get("side_by_side")
    if count is None:
        return
    check_range("--side-by-side", count, 1, _MOST_SIDE_BY_SIDE)
    if count > 1 and not _is_several(namespace.strategy):
        raise UsageError(
            f"--side-by-side is for several strategies: say {EVERY}, or name some separated by commas, in "
            f"the place of {namespace.strategy}, or leave it out"
        )
    if count > 1 and COST_METRICS.get(namespace.cost) is BY_SECONDS:
        raise UsageError(
            "--side-by-side is not for --cost seconds, as sweeps that share a cluster would slow each other: "
            "leave it out"
        )


def plan_of(namespace: argparse.Namespace, **named: str | None) -> Plan:
    """The plan that the arguments stand for, with the strategy, dataset and corruption that are `named` in
    the place of theirs; a verb that does not search has no `trials`.

    Raises:
        UsageError: it is not possible. Mistakes that are seen without torch are reported first.
    """
    check_words(namespace, **named)
    values = vars(namespace) | named
    trials = values.get("trials")
    whisper, sgmse = whisper_of(namespace.whisper), sgmse_of(namespace.sgmse)
    data_dir, storage = data_directory(namespace.data_dir), storage_root(namespace.storage)
    uri = tracking_uri(namespace.tracking_uri, workspace(storage), os.environ)
    is_sweep = "study_uri" in values
    study = study_uri(namespace.study_uri, workspace(storage), os.environ) if is_sweep else ""
    from trainables.evaluation.storage import Storage  # with torch, once all above is right

    facts = facts_of(values["dataset"], Storage(storage, data_dir).data)
    return Plan(
        strategy=values["strategy"],
        dataset=values["dataset"],
        corruption=values["corruption"] or facts.corruptions[0],
        preset=namespace.preset,
        trials=presets.preset(namespace.preset, facts).trials if trials is None else trials,
        seed=namespace.seed,
        workers=namespace.workers,
        gpus_per_trial=namespace.gpus_per_trial,
        storage=storage,
        tracking_uri=uri,
        data_dir=data_dir,
        fresh=values.get("fresh", False),
        precision=namespace.precision,
        whisper=whisper,
        sgmse=sgmse,
        resolution=namespace.resolution,
        train_fraction=namespace.train_fraction,
        max_cost=values.get("max_cost", 0),
        sampler=values.get("sampler", USUAL_SAMPLER),
        warm_start=values.get("warm_start", False),
        cost=values.get("cost", USUAL_COST),
        min_accuracy=values.get("min_accuracy", 0),
        settled=values.get("settled", False),
        racing=values.get("racing", False),
        tracking_patience=namespace.tracking_patience,
        study_uri=study,
    )


def strategies_of(namespace: argparse.Namespace, searched: bool) -> list[str]:
    """Names of the strategies that the arguments stand for: one, several separated by commas, or every one
    for these signals.

    Raises:
        UsageError: strategy and dataset have changed places, a strategy is given twice, or a word or a number
            is no plan's.
    """
    strategy, dataset = namespace.strategy, namespace.dataset
    if strategy in datasets.names() and dataset in (*strategies.names(), EVERY):
        raise UsageError(
            f"{strategy} is a dataset and {dataset} a strategy: swap them, {dataset} {strategy}"
        )
    if strategy != EVERY:
        return _named(strategy)
    check_words(namespace, strategy=strategies.names()[0])
    names = strategies.names(datasets.answers(dataset))
    return [n for n in names if not searched or fields(strategies.load(n).Parameters)]


def strategy_of(namespace: argparse.Namespace) -> str:
    """The name of the strategy of a verb that takes one.

    Raises:
        UsageError: the arguments stand for several.
    """
    word: str = namespace.strategy
    if _is_several(word):
        raise UsageError(
            f"one strategy is measured at a time, but {word} stands for several: name one of "
            f"{', '.join(strategies.names())}; platform.sweep and platform.train take several"
        )
    return word


def _is_several(word: str) -> bool:
    """Whether a word stands for several strategies."""
    return word == EVERY or SEPARATOR in word


def _named(word: str) -> list[str]:
    """The strategies that a word names.

    Raises:
        UsageError: one is given twice, or is none.
    """
    names = list(listed(word, "strategy", "nested,card", str))
    for name in names:
        check_names(strategy=name)
    return names
