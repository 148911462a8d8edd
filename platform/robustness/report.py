"""The report of `transfer`: files, the heat map, tables, what was found and what to type next."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from platform.backend.session import TrackedSession
from platform.cli.console import Console
from platform.cli.next_commands import command, common_flags
from platform.cli.tables import paragraphs, say_if_smoke
from platform.reproduction.settings import run_settings
from platform.robustness.comparison import Loss, cells_of_loss, findings, losses_of
from platform.robustness.work import Row, Work, record, rows_of, work_of
from typing import Any

from matplotlib.figure import Figure

from dashboards.figure_files import figure_files
from dashboards.heat_map import heat_map
from dashboards.points import percent
from trainables.core.files import write_files, write_json, write_whole
from trainables.scoring.metric_names import BY_ACCURACY, BY_TOP5, NFE

_NAME = "transfer"


def transfer(namespace: argparse.Namespace, console: Console, json_file: Path | None) -> int:
    """Measure and report what the command line asks for; returns the exit status."""
    with console.loading():
        work = work_of(namespace)
    log = work.folder / "transfer.log"
    trained = ", ".join(setup.plan.degradation.text for setup in work.setups)
    title = work.setups[0].facts.title
    console.line(f"transfer on {title}, trained on {trained}; log: {log}")
    rows: list[Row] = []

    def measure(session: TrackedSession) -> None:
        measured = rows_of(work, session)
        rows.extend(measured)
        record(session, measured, list(save(work, rows).values()))

    status = run_settings(work.setups, console, log, measure)
    if rows:
        if json_file is not None:
            write_json(json_file, _as_json(work, rows))
        _report(work, rows, console)
    return status


def save(work: Work, rows: Sequence[Row]) -> dict[str, Path]:
    """Write the rows as JSON and CSV and draw them; returns the files by what they are."""
    write_json(work.folder / f"{_NAME}.json", _as_json(work, rows))
    write_whole(work.folder / f"{_NAME}.csv", _csv(rows).encode())
    write_files(work.folder, figure_files(_NAME, _figure(work, rows)))
    kinds = {"figure": "png", "vector": "svg", "table": "csv", "json": "json"}
    return {kind: work.folder / f"{_NAME}.{ending}" for kind, ending in kinds.items()}


def _losses(work: Work, rows: Sequence[Row]) -> list[list[Loss]]:
    """The losses of each trained condition."""
    return [
        losses_of([row for row in rows if row.trained == setup.plan.degradation], work.tested)
        for setup in work.setups
    ]


def _as_json(work: Work, rows: Sequence[Row]) -> dict[str, Any]:
    """The rows, the losses and the sentences, in JSON types."""
    conditions = _losses(work, rows)
    losses = [
        {
            "label": one.row.point.label,
            "trained": one.row.trained.written,
            "loss": asdict(one.test),
            "accuracy_elsewhere": one.elsewhere,
            "above": {n: {"difference": d, "p_holm": p} for n, (d, p) in one.corrected.items()},
        }
        for losses in conditions
        for one in losses
    ]
    return {
        "plan": work.setups[0].as_mapping(),
        "tested": [tested.written for tested in work.tested],
        "rows": [row.as_json() for row in rows],
        "losses": losses,
        "found": [line for losses in conditions for line in findings(losses)],
    }


def _csv(rows: Sequence[Row]) -> str:
    """A line for every point and degradation."""
    metrics = [
        m for metric in (BY_ACCURACY, BY_TOP5) for m in (metric.name, metric.low, metric.high)
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(
        ["label", "strategy", "point", "trained", "tested", *metrics, NFE, "images", "seeds"]
    )
    for row in rows:
        for tested, runs in row.runs.items():
            values = row.metrics(tested)
            point = json.dumps(dict(row.point.point))
            writer.writerow(
                [row.point.label, row.point.strategy, point, row.trained.written, tested.written]
                + [values.get(name, "") for name in (*metrics, NFE)]
                + [len(runs[0].correct), len(runs)]
            )
    return buffer.getvalue()


def _figure(work: Work, rows: Sequence[Row]) -> Figure:
    """The heat map: a row a point and trained condition, a column a degradation."""
    several = len(work.setups) > 1
    ordered = sorted(rows, key=lambda row: _first_of_strategy(rows, row))
    names = [
        f"{row.point.label}, on {row.trained.text}" if several else row.point.label
        for row in ordered
    ]
    columns = [tested.text for tested in work.tested]
    cells = {
        (place, column): row.metrics(tested)
        for place, row in enumerate(ordered)
        for column, tested in enumerate(work.tested)
        if tested in row.runs
    }
    framed = [(place, work.tested.index(row.trained)) for place, row in enumerate(ordered)]
    plan = work.setups[0].plan
    trained = ", ".join(setup.plan.degradation.text for setup in work.setups)
    title = f"{work.setups[0].facts.title}: trained on {trained} (preset {plan.preset}, seed {plan.seed})"
    first, samples = next(iter(rows[0].runs.values())), work.setups[0].metric.samples
    note = (
        f"framed: as in training; 95 % intervals over {len(first[0].correct)} test {samples} × "
        f"{len(first)} seeds"
    )
    return heat_map(title, names, columns, cells, BY_ACCURACY, framed, note)


def _first_of_strategy(rows: Sequence[Row], row: Row) -> int:
    """The place of the first row of a row's strategy, by which rows of a strategy stand together."""
    return [other.point.strategy for other in rows].index(row.point.strategy)


def _report(work: Work, rows: Sequence[Row], console: Console) -> None:
    """Show the numbers, name the files, say what was found and what to type next."""
    files, setup = save(work, rows), work.setups[0]
    first = next(iter(rows[0].runs.values()))
    metric = setup.metric
    accuracy = "accuracy" if metric is BY_ACCURACY else f"1 − {metric.title},"
    heading = (
        f"{accuracy} % [95 % interval] on {len(first[0].correct)} test {metric.samples} × "
        f"{len(first)} seeds"
    )
    for strategy in dict.fromkeys(row.point.strategy for row in rows):
        _table_of_strategy(work, rows, strategy, heading, console)
    lines = []
    for losses in _losses(work, rows):
        if losses:
            _table_of_losses(losses, console)
        lines += findings(losses)
    say_if_smoke(console, setup.plan.preset)
    console.line()
    paragraphs(console, "found:", lines or ["too few points were measured to compare losses"])
    for name, path in files.items():
        console.line(f"{name + ':':9} {path}")
    console.line("search each strategy's own best points, which are measured then:")
    console.line(f"  {command('platform.sweep', 'all', setup.plan.dataset, *common_flags(setup))}")


def _table_of_strategy(
    work: Work, rows: Sequence[Row], strategy: str, heading: str, console: Console
) -> None:
    """A strategy's accuracies: a row a point and trained condition, a column a degradation."""
    cells = [
        [f"{row.point.label}, trained on {row.trained.text}"]
        + [
            percent(row.metrics(tested), BY_ACCURACY) if tested in row.runs else "–"
            for tested in work.tested
        ]
        for row in rows
        if row.point.strategy == strategy
    ]
    console.line()
    columns = ["tested on", *(tested.text for tested in work.tested)]
    console.table(f"{strategy}: {heading}", columns, cells)


def _table_of_losses(losses: Sequence[Loss], console: Console) -> None:
    """What the points of a trained condition lose, the least first."""
    least = losses[0]
    console.line()
    console.table(
        f"losses where training was on {least.row.trained.text}: points of accuracy, mean over all others",
        ["point", "as trained", "elsewhere", "loss", f"above {least.row.point.label}"],
        [cells_of_loss(one, least) for one in losses],
    )
