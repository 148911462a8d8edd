"""The settings of a reproduction: the data, corruptions and training seeds that the command line asks for,
where their results go, and how they are gone through.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from platform.backend.session import TrackedSession, run_each
from platform.cli import interrupts
from platform.cli.console import Console
from platform.cli.plans import datasets_of, plan_of, plans_of_seeds
from platform.planning.locations import writable_storage
from platform.planning.setup import Setup, setup_of

from trainables.core.errors import UsageError, check_range
from trainables.core.places import workspace
from trainables.data.degradation import Degradation, condition_text, path_name

_SIGNALS = {"image": "images", "speech": "speech"}


def setups_of(
    namespace: argparse.Namespace,
    strategy: str,
    kind: str,
    datasets: tuple[str, ...],
    corruptions: Iterable[str] = (),
    conditions: Iterable[tuple[float, float]] = (),
) -> list[Setup]:
    """A setup for every dataset, corruption, condition and training seed, each named once.

    Args:
        namespace: what the command line says, `what` among it.
        strategy: of the plans.
        kind: what the signals must be, "image" or "speech".
        datasets: what is meant where the command line names none.
        corruptions: the same of corruptions; each dataset's usual one if empty.
        conditions: resolutions and training shares; those of the command line if empty.

    Raises:
        UsageError: a plan is not possible, the signals are of another kind, or there are fewer noise
            levels than steps.
    """
    writable_storage(namespace.storage)
    setups = []
    shares = list(conditions) or [(namespace.resolution, namespace.train_fraction)]
    for dataset in dict.fromkeys(datasets_of(namespace) or datasets):
        for corruption in dict.fromkeys(namespace.corruptions or corruptions or (None,)):
            asked = plan_of(namespace, strategy=strategy, dataset=dataset, corruption=corruption)
            conditioned = [replace(asked, resolution=r, train_fraction=f) for r, f in shares]
            for plan in [one for each in conditioned for one in plans_of_seeds(namespace, each)]:
                setup = setup_of(plan)
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
    asked = Degradation("", namespace.resolution), namespace.train_fraction
    name = f"{namespace.what}-{plan.preset}-seed{'s' if len(seeds) > 1 else ''}"
    name += "-".join(map(str, seeds))
    name += "" if namespace.steps is None else f"-{namespace.steps}steps"
    shares = path_name(condition_text(*asked))
    name += f"-{shares}" if shares else ""
    return workspace(plan.storage) / "reproduce" / name


def run_settings(
    setups: Sequence[Setup], console: Console, log: Path, work: Callable[[TrackedSession], None]
) -> int:
    """Do the work for every setting; returns the exit status. One that is refused, such as for data that
    are not there, is reported and left out: the others' data may be there.
    """
    left_out: list[Setup] = []

    def attempt(session: TrackedSession) -> None:
        try:
            work(session)
        except UsageError as error:
            console.line(f"          left out: {error}")
            left_out.append(session.setup)

    status = run_each(setups, console, lambda setup: log, attempt)
    return status or (interrupts.USAGE if left_out else 0)
