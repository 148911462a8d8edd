"""The report of `differences`: tables, files, a figure, what was found and what to type next."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from platform.backend.session import TrackedSession
from platform.cli.console import Console
from platform.cli.counts import counted
from platform.cli.next_commands import command, common_flags
from platform.cli.tables import say_if_smoke
from platform.planning.setup import Setup
from platform.reproduction.differences import DDIM, MEAN, PUBLISHED, USUAL_DATASET
from platform.reproduction.differences_work import DifferenceResult, results_of_setup
from platform.reproduction.settings import folder_of, run_settings, setups_of

from dashboards.curves import curves_figure
from dashboards.figure_files import figure_files
from dashboards.points import difference, percent
from trainables.core.files import write_files, write_json, write_whole
from trainables.data.degradation import path_name
from trainables.scoring.metric_names import BY_ACCURACY

_LEVEL = 0.05
_NAMES = (BY_ACCURACY.name, BY_ACCURACY.low, BY_ACCURACY.high)


def reproduce(namespace: argparse.Namespace, console: Console, json_file: Path | None) -> int:
    """Measure and report the differences that the command line asks for; returns the exit status."""
    setups = setups_of(namespace, "nested", "image", (USUAL_DATASET,))
    folder = folder_of(namespace, setups[0])
    log = folder / "reproduce.log"
    console.line(f"differences on {counted(len(setups), 'setting')}; log: {log}")
    results: list[DifferenceResult] = []

    def work(session: TrackedSession) -> None:
        results.extend(results_of_setup(session))
        save(results, folder)

    status = run_settings(setups, console, log, work)
    if results:
        if json_file is not None:
            write_json(json_file, [result.as_json() for result in results])
        _report(results, setups[0], folder, console)
    return status


def save(results: Sequence[DifferenceResult], folder: Path) -> dict[str, Path]:
    """Write the results as JSON and CSV; returns the files."""
    write_json(folder / "results.json", [result.as_json() for result in results])
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    sides = ("ours", "published")
    tests = ("difference", "low", "high", "p_value", "p_holm")
    writer.writerow(
        ["dataset", "corruption", "choice", "changes", "strategy", "point", "steps"]
        + [f"{side}_{name}" for side in sides for name in _NAMES]
        + [*tests, "images", "seeds"]
    )
    for result in results:
        choice = result.difference
        writer.writerow(
            [result.dataset, result.corruption, choice.name, choice.sentence]
            + [choice.theirs.strategy, json.dumps(choice.theirs.parameters()), choice.steps]
            + [side[name] for side in (result.ours, result.theirs) for name in _NAMES]
            + [*(result.test[name] for name in tests), result.images, result.seeds]
        )
    write_whole(folder / "results.csv", buffer.getvalue().encode())
    return {"json": folder / "results.json", "table": folder / "results.csv"}


def draw(results: Sequence[DifferenceResult], folder: Path) -> Path:
    """Draw the accuracy of `enhanced` over the steps by three samplers; returns the PNG file, beside
    which lies an SVG.
    """
    compared = [result for result in results if result.difference.steps]
    first = compared[0]
    curves = {
        DDIM: [
            (float(r.difference.steps), r.ours) for r in compared if r.difference.sampler == MEAN
        ]
    } | {
        sampler: [
            (float(r.difference.steps), r.theirs)
            for r in compared
            if r.difference.sampler == sampler
        ]
        for sampler in (MEAN, PUBLISHED)
    }
    figure = curves_figure(
        f"enhanced by three samplers: {first.dataset} {first.corruption}",
        "selected steps",
        f"bars: 95 % intervals over {first.images} test images",
        curves,
        BY_ACCURACY,
    )
    stem = f"samplers-{first.dataset}-{path_name(first.corruption)}"
    return write_files(folder, figure_files(stem, figure))[f"{stem}.png"]


def _report(
    results: Sequence[DifferenceResult], setup: Setup, folder: Path, console: Console
) -> None:
    """Show the numbers, name the files, say what was found and what to type next."""
    files = {"json": folder / "results.json", "table": folder / "results.csv"}
    for data in dict.fromkeys((result.dataset, result.corruption) for result in results):
        results_of_data = [r for r in results if (r.dataset, r.corruption) == data]
        _tables(console, " ".join(data), results_of_data)
        files[f"figure of {' '.join(data)}"] = draw(results_of_data, folder)
    say_if_smoke(console, setup.plan.preset)
    console.line(f"\nfound:    {finding(results)}")
    for name, path in files.items():
        console.line(f"{name + ':':9} {path}")
    console.line("search each strategy's own best points:")
    console.line(f"  {command('platform.sweep', 'all', setup.plan.dataset, *common_flags(setup))}")


def finding(results: Sequence[DifferenceResult]) -> str:
    """How many choices change the accuracy beyond chance, and which does most, in one sentence."""
    beyond_chance = [r for r in results if r.test["p_holm"] < _LEVEL]
    if not beyond_chance:
        return f"none of {len(results)} comparisons differs beyond chance"
    largest = max(beyond_chance, key=lambda r: abs(r.test["difference"]))
    return (
        f"{len(beyond_chance)} of {len(results)} comparisons differ beyond chance; the largest is "
        f"{largest.difference.name} on {largest.dataset} {largest.corruption}, "
        f"{100 * largest.test['difference']:+.1f} points"
    )


def _tables(console: Console, data: str, results: Sequence[DifferenceResult]) -> None:
    """A table of the samplers over the steps, and one of all other choices."""
    images, seeds = results[0].images, results[0].seeds
    heading = f"accuracy % [95 % interval] on {images} test images × {seeds} seeds"
    by_sampler = {
        sampler: [r for r in results if r.difference.sampler == sampler]
        for sampler in (MEAN, PUBLISHED)
    }
    rows = [
        [
            str(mean.difference.steps),
            percent(mean.ours, BY_ACCURACY),
            percent(mean.theirs, BY_ACCURACY),
            difference(mean.test, BY_ACCURACY),
            percent(published.theirs, BY_ACCURACY),
            difference(published.test, BY_ACCURACY),
        ]
        for mean, published in zip(by_sampler[MEAN], by_sampler[PUBLISHED], strict=True)
    ]
    console.line()
    console.table(
        f"enhanced on {data} by three samplers: {heading}",
        ["steps", f"{DDIM} (ours)", f"{MEAN} (ours)", f"vs {DDIM}", PUBLISHED, f"vs {DDIM}"],
        rows,
    )
    console.line()
    console.table(
        f"other choices of the published code on {data}: {heading}",
        ["choice", "of", "ours", "with it", "difference", "what it changes"],
        [_row(result) for result in results if not result.difference.steps],
        text=["what it changes"],
    )


def _row(result: DifferenceResult) -> list[str]:
    """A result as a row of the terminal's table."""
    return [
        result.difference.name,
        result.difference.theirs.strategy,
        percent(result.ours, BY_ACCURACY),
        percent(result.theirs, BY_ACCURACY),
        difference(result.test, BY_ACCURACY),
        result.difference.sentence,
    ]
