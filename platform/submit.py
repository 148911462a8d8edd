"""`python -m platform.submit STRATEGY DATASET`: run a sweep as a job on a Ray cluster."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from platform.backend import jobs
from platform.cli import interrupts, submission
from platform.cli.comma_lists import SEPARATOR
from platform.cli.flags import submit_parser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform.cli.console import Console


def main(arguments: Sequence[str] | None = None) -> int:
    """Submit a sweep and follow it; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    namespace = submit_parser().parse_args(arguments)
    submission.check_here(namespace)
    address = jobs.address_of(namespace.address, os.environ)
    jobs.check_answers(address)
    from platform.cli.console import Console

    console = Console()
    with console.loading(), tempfile.TemporaryDirectory() as folder:
        is_checked = submission.check_sweep(namespace, Path(folder))
    if not is_checked:
        console.line(
            "the dataset's files are not on this machine: the rest is checked on the cluster"
        )
    try:
        return _submit(namespace, address, console)
    except jobs.JobError as error:
        interrupts.say(f"error: {error}")
        return interrupts.FAILED


def _submit(namespace: argparse.Namespace, address: str, console: Console) -> int:
    """Submit the sweep and follow it; returns the exit status."""
    with console.loading():
        from platform.backend.run_tags import COMMIT_VARIABLE, commit

        client = jobs.connected(address)
    command = ["python", "-m", "platform.sweep", *submission.sweep_words(namespace)]
    variables = submission.sweep_environment(namespace, os.environ)
    strategies = namespace.strategy.replace(SEPARATOR, "-")
    name = f"{strategies}-{namespace.dataset}-{secrets.token_hex(4)}"
    follow = jobs.ray_command(address, os.environ, "job", "logs", "--follow", name)
    stop = jobs.ray_command(address, os.environ, "job", "stop", name)
    try:
        environment = {**variables, COMMIT_VARIABLE: commit()}
        jobs.submitted(client, name, command, environment, console.line)
    except KeyboardInterrupt:
        console.line(f"interrupted as the job was submitted; if it is there, this stops it: {stop}")
        return interrupts.INTERRUPTED
    console.line(f"job:      {name} at {jobs.masked(address)}")
    console.line(
        f"storage:  {submission.storage_there(namespace.storage)}, as the cluster's nodes see it"
    )
    if variables:
        console.line(f"given:    the values here of {', '.join(sorted(variables))}")
    console.line(f"follow:   {follow}")
    console.line(f"stop:     {stop}")
    if namespace.no_wait:
        return 0
    console.line()
    try:
        details = jobs.followed(client, name, console.raw)
    except KeyboardInterrupt:
        # A job may take hours and belongs to the cluster: a terminal that closes must not end it.
        console.line(f"\nno longer followed; the job goes on. To stop it: {stop}")
        return interrupts.INTERRUPTED
    console.line(f"job {name} {jobs.ending(details)}")
    return jobs.exit_status(details)


if __name__ == "__main__":
    sys.exit(main())
