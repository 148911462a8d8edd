"""`python -m platform.train STRATEGY DATASET`: train what a strategy samples with, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from platform.cli.flags import EVERY, parser, plans_of, summary_file
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Loading torch and Ray takes seconds, so what needs them is imported once it is known what to do.
    from platform.backend.cluster import Cluster
    from platform.backend.tracking import Tracker
    from platform.cli.console import Console
    from platform.cli.parser import Parser
    from platform.planning.plan import Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Train parts; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    asked = _parser().parse_args(arguments)
    json_file = summary_file(asked.json)
    from platform.cli.console import Console

    console = Console()
    with console.loading():
        plans = plans_of(asked)
    return _run(plans, console, json_file, asked.strategy)


def _parser() -> Parser:
    return parser(
        "python -m platform.train",
        "Train the parts that a strategy samples with, where the store has not got them.",
        "example: python -m platform.train nested digits\n"
        f"The strategy {EVERY!r} stands for every one. A training that is cut off goes on from its last\n"
        "checkpoint when the same command is given again.",
    )


def _run(plans: Sequence[Plan], console: Console, json_file: Path | None, asked: str) -> int:
    """Train for the plans, which differ in their strategies alone, together `asked`."""
    with console.loading():
        from platform.backend.session import run
        from platform.cli.next_commands import command, common_flags
        from platform.cli.tables import say_if_smoke
        from platform.pipeline.prepare import prepare
        from platform.planning.plan import kinds_of

        from trainables.core.files import write_json

    plan, wanted = plans[0], [plan.strategy for plan in plans]
    kinds = kinds_of(wanted)
    log = Path(plan.storage) / "training" / "train.log"
    console.line(f"training for {', '.join(wanted)} on {plan.facts.title}; log: {log}")

    def work(cluster: Cluster, tracker: Tracker) -> None:
        with console.step("prepare", "2/2 training the missing parts"):
            trained = prepare(plan, cluster, console, tracker, kinds)
        folders = {kind: str(plan.places.parts.folder(kind, plan.task)) for kind in kinds}
        if json_file is not None:
            write_json(json_file, {"plan": plan.as_mapping(), "parts": folders, "trained": trained})
        console.line(f"found:    {len(kinds)} parts; trained now: {', '.join(trained) or 'none'}")
        for kind, folder in folders.items():
            console.line(f"  {kind}: {folder}")
        say_if_smoke(console, plan.preset)
        console.line("search how they are sampled:")
        console.line(f"  {command('platform.sweep', asked, plan.dataset, *common_flags(plan))}")

    return run(plan, console, log, "1/2 opening the tracking store", work)


if __name__ == "__main__":
    sys.exit(main())
