"""Reading a plan's data, and telling what of them could not be used."""

from __future__ import annotations

from collections.abc import Callable
from platform.console import Console
from platform.plan import Plan

from trainables.data.speech.build import Progress
from trainables.data.splits import Dataset


def read(
    plan: Plan, console: Console, then: Callable[[Dataset, Progress], None] | None = None
) -> Dataset:
    """The plan's data, built where they must be, with what is done to them `then` under the same bar.

    Raises:
        UsageError: files are missing, or nothing of a split can be used.
    """
    with console.bar("reading the data") as bar:
        dataset = plan.places.dataset(plan.task, bar.update)
        if then is not None:
            then(dataset, bar.update)
    if dataset.left_out:
        count = len(dataset.left_out)
        files = "file" if count == 1 else "files"
        told = f"{count} {files} left out: {dataset.left_out[0]}"
        console.line(f"          {told}; all that was: {dataset.left_out_file}")
    return dataset
