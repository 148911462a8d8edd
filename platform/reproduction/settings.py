"""The settings of a reproduction: the data, corruptions and training seeds that the command line asks for,
and where their results go.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from platform.cli.flags import datasets_of, plan_of, plans_of_seeds
from platform.planning.setup import Setup, setup_of

from trainables.core.errors import UsageError, check_range

_SIGNALS = {"image": "images", "speech": "speech"}


def setups_of(
    namespace: argparse.Namespace,
    strategy: str,
    kind: str,
    datasets: tuple[str, ...],
    corruptions: Iterable[str] = (),
) -> list[Setup]:
    """A setup for every dataset, corruption and training seed, each named once.

    Args:
        namespace: what the command line says, `what` among it.
        strategy: of the plans.
        kind: what the signals must be, "image" or "speech".
        datasets: what is meant where the command line names none.
        corruptions: the same of corruptions; each dataset's usual one if empty.

    Raises:
        UsageError: a plan is not possible, the signals are of another kind, or there are fewer noise
            levels than steps.
    """
    setups = []
    for dataset in dict.fromkeys(datasets_of(namespace) or datasets):
        for corruption in dict.fromkeys(namespace.corruptions or corruptions or (None,)):
            plan = plan_of(namespace, strategy=strategy, dataset=dataset, corruption=corruption)
            for seed_plan in plans_of_seeds(namespace, plan):
                setup = setup_of(seed_plan)
                if setup.facts.kind != kind:
                    raise UsageError(
                        f"{namespace.what} is of {_SIGNALS[kind]}, but {dataset} is of "
                        f"{_SIGNALS[setup.facts.kind]}: choose another dataset, such as {datasets[0]}"
                    )
                if namespace.steps is not None:
                    check_range("--steps", namespace.steps, 1, setup.task.recipe.T)
                setups.append(setup)
    return setups


def folder_of(namespace: argparse.Namespace, setup: Setup) -> Path:
    """The folder of a reproduction's results, named after what shapes them."""
    plan, seeds = setup.plan, namespace.training_seeds
    name = f"{namespace.what}-{plan.preset}-seed{'s' if len(seeds) > 1 else ''}"
    name += "-".join(map(str, seeds))
    name += "" if namespace.steps is None else f"-{namespace.steps}steps"
    return Path(plan.storage) / "reproduce" / name
