"""`python -m platform.sweep STRATEGY DATASET`: train, search, confirm, record."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from platform.cli.flags import plans_of, summary_file, sweep_parser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Loading torch and Ray takes seconds, so what needs them is imported once it is known what to do.
    from platform.backend.cluster import Cluster
    from platform.backend.tracking import Tracker
    from platform.cli.console import Console
    from platform.planning.plan import Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sweep; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    asked = sweep_parser().parse_args(arguments)
    json_file = summary_file(asked.json)
    from platform.cli.console import Console

    console = Console()
    with console.loading():
        plans = plans_of(asked, searched=True)
    if asked.dry_run:
        return _foretell(plans, console)
    if len(plans) == 1:
        return _run(plans[0], console, json_file)
    with console.loading():
        from platform.pipeline.all_sweeps import run_all
    return run_all(plans, console, json_file)


def _foretell(plans: Sequence[Plan], console: Console) -> int:
    """Say what sweeps would take; nothing is started, written or downloaded for it."""
    with console.loading():
        from platform.backend.cluster import Cluster
        from platform.pipeline import forecast
    with Cluster() as cluster:
        given = cluster.foreseen(plans[0])
    console.line(f"devices:  {given.text}")
    for line in forecast.lines_of_all(plans, given):
        console.line(line)
    return 0


def _run(plan: Plan, console: Console, json_file: Path | None) -> int:
    log = plan.folder / "sweep.log"
    console.line(
        f"sweep {plan.strategy} on {plan.facts.title} ({plan.corruption}, preset {plan.preset}, seed "
        f"{plan.seed}): {plan.trials} trials; log: {log}"
    )
    with console.loading():
        from platform.backend.session import run
        from platform.pipeline import one_sweep

    def work(cluster: Cluster, tracker: Tracker) -> None:
        one_sweep.run(plan, cluster, console, tracker, json_file)

    return run(plan, console, log, "1/5 opening the tracking store", work)


if __name__ == "__main__":
    sys.exit(main())
