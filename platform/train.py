"""`python -m platform.train STRATEGY DATASET`: train what a strategy samples with, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts
from platform.cli.flags import EVERY, parser, summary_file
from platform.cli.plans import plans_of
from platform.planning.setup import Setup, kinds_of, setup_of
from typing import TYPE_CHECKING

from trainables.core.places import workspace

if TYPE_CHECKING:
    # Loading torch and Ray takes seconds, so what needs them is imported once it is known what to do.
    from platform.backend.session import TrackedSession
    from platform.cli.console import Console
    from platform.cli.parser import Parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train parts; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    namespace = _parser().parse_args(arguments)
    json_file = summary_file(namespace.json)
    from platform.cli.console import Console

    console = Console()
    with console.loading():
        setups = [setup_of(plan) for plan in plans_of(namespace)]
    return _run(setups, console, json_file, namespace.strategy)


def _parser() -> Parser:
    return parser(
        "python -m platform.train",
        "Train the parts that a strategy samples with, where the store has not got them.",
        "example: python -m platform.train nested digits\n"
        f"Several strategies are separated by commas, {EVERY!r} stands for every one. A training that is\n"
        "cut off goes on from its last checkpoint when the same command is given again.",
    )


def _run(
    setups: Sequence[Setup], console: Console, json_file: Path | None, strategy_word: str
) -> int:
    """Train for the setups, which differ in their strategies alone; returns the exit status.

    `strategy_word` is what stands for all these strategies on the command line.
    """
    with console.loading():
        from platform.backend.session import run
        from platform.cli.next_commands import command, common_flags
        from platform.cli.tables import say_if_smoke
        from platform.pipeline.prepare import prepare

        from trainables.core.files import write_json

    setup, strategies = setups[0], [setup.plan.strategy for setup in setups]
    kinds = kinds_of(strategies)
    log = workspace(setup.storage.root) / "training" / "train.log"
    console.line(f"training for {', '.join(strategies)} on {setup.facts.title}; log: {log}")

    def work(session: TrackedSession) -> None:
        with console.step("prepare", "2/2 training the missing parts"):
            trained = prepare(session, kinds)
        folders = {kind: str(setup.storage.parts.folder(kind, setup.task)) for kind in kinds}
        if json_file is not None:
            summary = {"plan": setup.as_mapping(), "parts": folders, "trained": trained}
            write_json(json_file, summary)
        console.line(f"found:    {len(kinds)} parts; trained now: {', '.join(trained) or 'none'}")
        for kind, folder in folders.items():
            console.line(f"  {kind}: {folder}")
        say_if_smoke(console, setup.plan.preset)
        console.line("search how they are sampled:")
        words = strategy_word, setup.plan.dataset, *common_flags(setup)
        console.line(f"  {command('platform.sweep', *words)}")

    return run(setup, console, log, "1/2 opening the tracking store", work)


if __name__ == "__main__":
    sys.exit(main())
