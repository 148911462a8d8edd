"""What `platform.compare` prints: a table of points, what was found, and where all is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from platform.cli.console import Console
from platform.cli.next_commands import command, place_flags
from platform.cli.next_steps import is_server, page_address
from platform.cli.tables import paragraphs, say_if_smoke
from platform.comparison.output import files_of, heading_of, setting_name
from platform.comparison.record import RecordedComparison

from dashboards.comparison.model import ComparedPoint, Comparison, Interval
from dashboards.points import describe, percent
from trainables.data import datasets
from trainables.scoring.cost_metrics import COMPARED_COSTS

_TITLES = {cost.name: cost.title for cost in COMPARED_COSTS.values()}


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Write the table of the points of a setting, and what was found."""
    metric, several = comparison.metric, len(comparison.seeds) > 1
    columns = ["point", _TITLES[comparison.cost], "test", "chosen as"]
    columns += ["validation"] + ([] if several else ["parameters"])
    rows = [
        [
            point.label,
            _cost_text(point.cost),
            percent(point.test, metric),
            ", ".join(point.names),
            percent(point.validation, metric),
            *([] if several else [_parameters(point)]),
        ]
        for point in comparison.points
    ]
    console.line()
    heading = f"{heading_of(comparison)}: {metric.title} % [95 % interval]"
    console.table(heading, columns, rows, text=["chosen as", "parameters"])
    say_if_smoke(console, comparison.setting.preset)
    console.line()
    paragraphs(console, "found:", comparison.found)
    paragraphs(console, "notes:", comparison.notes)


def _parameters(point: ComparedPoint) -> str:
    return (describe(point.points[0]) if point.points else "") or "–"


def _cost_text(cost: Interval) -> str:
    """A cost, with its interval where it varies."""
    low, value, high = (
        f"{number:.0f}" if number >= 100 or number == int(number) else f"{number:.3g}"
        for number in (cost.low, cost.value, cost.high)
    )
    return value if cost.low == cost.high else f"{value} [{low}, {high}]"


def print_places(
    console: Console,
    comparisons: Sequence[Comparison],
    folder: Path,
    recorded: RecordedComparison,
    uri: str,
    storage: Path,
) -> None:
    """Say where files and run are, and what to type next."""
    console.line()
    for kind, path in files_of(comparisons[0], folder).items():
        console.line(f"{kind + ':':<10}{path}")
    for comparison in comparisons:
        console.line(f"{'files:':<10}{folder / setting_name(comparison.setting)}")
    console.line(f"{'run:':<10}{recorded.run} in {uri}")
    console.line(f"{'MLflow:':<10}{page_address(uri, recorded.experiment, recorded.run)}")
    if not is_server(uri):
        shown = command("platform.ui", *place_flags(str(storage), uri))
        console.line(f"open MLflow's interface, then look at that page:\n  {shown}")
    _print_steps(console, comparisons[0], uri, storage)


def _print_steps(console: Console, comparison: Comparison, uri: str, storage: Path) -> None:
    """Say how a named point is measured again, and how other strategies come into the comparison."""
    named = [p for p in comparison.points if p.role != "baseline" and any(p.commands)]
    named.sort(key=lambda point: not point.names)
    if named:
        first = next(text for text in named[0].commands if text)
        console.line(f"measure {named[0].label} again:\n  {first}")
    setting, swept = comparison.setting, [s for s in comparison.strategies if s.swept]
    if len(swept) == 1 and setting.title in datasets.names():
        words = ["--corruption", setting.corruption, "--preset", setting.preset]
        words += ["--seed", str(comparison.seeds[0]), *place_flags(str(storage), uri)]
        sweep = command("platform.sweep", "all", setting.title, *words)
        console.line(f"sweep the other strategies too:\n  {sweep}")
