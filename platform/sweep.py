"""`python -m platform.sweep STRATEGY DATASET`: train, search, confirm, record."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from platform.cli.flags import summary_file, sweep_parser
from platform.cli.plans import plans_of
from platform.planning.setup import Setup, setup_of
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Loading torch and Ray takes seconds, so what needs them is imported once it is known what to do.
    from platform.backend.session import TrackedSession
    from platform.cli.console import Console


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sweep; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    namespace = sweep_parser().parse_args(arguments)
    json_file = summary_file(namespace.json)
    from platform.cli.console import Console

    console = Console()
    with console.loading():
        setups = [setup_of(plan) for plan in plans_of(namespace, searched=True)]
    if namespace.dry_run:
        return _predict(setups, console)
    if len(setups) == 1:
        return _run(setups[0], console, json_file)
    with console.loading():
        from platform.pipeline.all_sweeps import run_all
    return run_all(setups, console, json_file, namespace)


def _predict(setups: Sequence[Setup], console: Console) -> int:
    """Say what sweeps would take; nothing is started, written or downloaded for it."""
    with console.loading():
        from platform.backend.cluster import Cluster
        from platform.pipeline import forecast
        from platform.pipeline.database_study import check_database
    if setups[0].plan.study_uri:
        check_database(setups[0].plan.study_uri)
    with Cluster() as cluster:
        allocation, own = cluster.foreseen(setups[0]), cluster.is_own
    console.line(f"devices:  {allocation.text}")
    for line in forecast.lines_of_all(setups, allocation, own):
        console.line(line)
    return 0


def _run(setup: Setup, console: Console, json_file: Path | None) -> int:
    """Run one sweep; returns the exit status."""
    plan, log = setup.plan, setup.folder / "sweep.log"
    console.line(
        f"sweep {plan.strategy} on {setup.facts.title} ({plan.condition}, preset {plan.preset}, seed "
        f"{plan.seed}): {plan.trials} trials; log: {log}"
    )
    with console.loading():
        from platform.backend.session import run
        from platform.pipeline import one_sweep

    def work(session: TrackedSession) -> int:
        return one_sweep.run(session, json_file)

    return run(setup, console, log, "1/5 opening the tracking store", work)


if __name__ == "__main__":
    sys.exit(main())
