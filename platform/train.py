"""`python -m platform.train STRATEGY DATASET`: train what a strategy samples with, and nothing else."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform.backend.tracking import Tracker


def main(arguments: Sequence[str] | None = None) -> int:
    """Train parts; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    from platform.backend.cluster import Cluster
    from platform.backend.session import run
    from platform.cli.console import Console
    from platform.cli.flags import EVERY, parser, plan_of, strategies_of, summary_file
    from platform.pipeline.prepare import prepare
    from platform.planning.plan import kinds_of

    from trainables.core.files import write_json

    asked = parser(
        "python -m platform.train",
        "Train the parts that a strategy samples with, where the store has not got them.",
        "example: python -m platform.train nested digits\n"
        f"The strategy {EVERY!r} stands for every one. A training that is cut off goes on from its last\n"
        "checkpoint when the same command is given again.",
    ).parse_args(arguments)
    wanted = strategies_of(asked)
    plan, console = plan_of(asked), Console()
    json_file = summary_file(asked.json)
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
        console.line("search how they are sampled:")
        given = [*(arguments if arguments is not None else sys.argv[1:])]
        console.line(f"  {shlex.join(['python', '-m', 'platform.sweep', *given])}")

    return run(plan, console, log, "1/2 opening the tracking store", work)


if __name__ == "__main__":
    sys.exit(main())
