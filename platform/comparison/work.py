"""The steps of `platform.compare`: read, compare, draw, record, print."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from platform.backend.tracking_store import failures_told
from platform.cli.console import Console
from platform.cli.next_commands import command, place_flags
from platform.cli.seeds import TRAINING_SEEDS
from platform.comparison.compare_sweeps import compare
from platform.comparison.described import Note
from platform.comparison.output import (
    PAGE,
    Asked,
    heading_of,
    setting_name,
    summary_of,
)
from platform.comparison.printed import print_comparison, print_places
from platform.comparison.read import Reading, Wanted, experiments_of, read_sweeps
from platform.comparison.record import RecordedComparison, mend_places, record_comparison
from platform.comparison.recorded import RecordedSweep
from platform.planning import presets
from platform.planning.locations import without_passwords, writable_storage
from typing import TYPE_CHECKING

from dashboards.comparison.array_file import UnreadableFileError
from dashboards.comparison.files import comparison_files
from dashboards.comparison.gallery import Gallery
from dashboards.comparison.gallery_file import gallery_of
from dashboards.comparison.model import Comparison, Setting
from dashboards.comparison.page import comparison_page
from trainables.core.files import write_files, write_json
from trainables.data import corruptions
from trainables.scoring.cost_metrics import COMPARED_COSTS, USUAL_COST

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Place:
    """Where sweeps are recorded, with a client that has been answered, and the directory of all output."""

    client: MlflowClient
    uri: str
    storage: Path


def compare_all(
    console: Console,
    namespace: argparse.Namespace,
    titles: tuple[str, ...] | None,
    place: Place,
    json_file: Path | None,
) -> None:
    """Compare what was asked for, and tell of it.

    Args:
        console: what is found is printed there.
        namespace: the arguments.
        titles: of the datasets; all that were swept if None.
        place: where sweeps are recorded, and files go.
        json_file: where a summary is written; none if None.

    Raises:
        UsageError: the store cannot be read or written, or has nothing to compare.
    """
    asked = _asked(namespace, titles)
    with console.step("read", f"1/4 reading sweeps from {place.uri}"):
        reading = _read(console, asked, place)
    with console.step("compare", f"2/4 comparing {len(reading.sweeps)} sweeps"):
        comparisons = _compared(console, reading, asked)
    folder = writable_storage(str(place.storage)) / "compared" / asked.name
    with console.step("draw", "3/4 drawing"):
        galleries, notes = _galleries(reading.sweeps)
        comparisons = _with_notes(comparisons, [*reading.notes, *notes])
        _write(console, comparisons, galleries, folder)
    for comparison in comparisons:
        print_comparison(console, comparison)
    console.line()
    with console.step("record", "4/4 recording the comparison"), failures_told(place.uri):
        recorded = _record(asked, comparisons, place, folder)
    print_places(console, comparisons, folder, recorded, place.uri, place.storage)
    if json_file is not None:
        texts = [note.text for note in [*reading.notes, *notes]]
        write_json(json_file, summary_of(comparisons, folder, place.uri, recorded.run, texts))


def _asked(namespace: argparse.Namespace, titles: tuple[str, ...] | None) -> Asked:
    """What the arguments ask for."""
    wanted = Wanted(
        namespace.corruption,
        namespace.preset,
        namespace.resolution,
        namespace.train_fraction,
        getattr(namespace, TRAINING_SEEDS),
        namespace.cost,
    )
    return Asked(titles, wanted, COMPARED_COSTS[namespace.cost].name, namespace.max_cost)


def _read(console: Console, asked: Asked, place: Place) -> Reading:
    """The sweeps, from where they are now."""
    with failures_told(place.uri), console.bar("reading sweeps") as bar:
        experiments = experiments_of(place.client, asked.titles)
        for note in mend_places(place.client, place.storage, list(experiments.values())):
            console.line(f"          {note}")
        return read_sweeps(place.client, asked.titles, asked.wanted, bar.update)


def _compared(console: Console, reading: Reading, asked: Asked) -> list[Comparison]:
    """A comparison a setting, what is usual first."""
    sweeps: dict[Setting, list[RecordedSweep]] = {}
    for sweep in reading.sweeps:
        sweeps.setdefault(sweep.setting, []).append(sweep)
    settings = sorted(sweeps, key=lambda setting: _rank(setting, asked.titles or ()))
    with console.bar("comparing") as bar:
        return [
            compare(sweeps[setting], asked.cost, asked.max_cost)
            for setting in bar.each(settings, "comparing")
        ]


def _rank(setting: Setting, titles: Sequence[str]) -> tuple[object, ...]:
    """The place of a setting among others: datasets as they were asked for, then usual corruptions, larger
    presets, and all of images and training splits before shares.
    """
    usual = [*corruptions.for_images(), setting.corruption]
    sizes = [*reversed(presets.NAMES), setting.preset]
    return (
        titles.index(setting.title) if setting.title in titles else 0,
        setting.title,
        usual.index(setting.corruption),
        sizes.index(setting.preset),
        -setting.resolution,
        -setting.train_fraction,
        setting,
    )


def _galleries(sweeps: Sequence[RecordedSweep]) -> tuple[dict[Setting, Gallery], list[Note]]:
    """The samples of each setting that has some, of the training seed at which the most strategies have
    some; and notes.
    """
    galleries: dict[Setting, Gallery] = {}
    notes: list[Note] = []
    for setting in dict.fromkeys(sweep.setting for sweep in sweeps):
        files: dict[int, dict[str, bytes]] = {}
        for sweep in sweeps:
            if sweep.setting == setting and sweep.gallery is not None:
                files.setdefault(sweep.seed, {})[sweep.strategy] = sweep.gallery
        if not files:
            continue
        seed = max(files, key=lambda seed: (len(files[seed]), -seed))
        try:
            galleries[setting] = gallery_of(files[seed])
        except UnreadableFileError as error:
            notes.append(Note(setting.title, f"samples are left out: {error}"))
    return galleries, notes


def _with_notes(comparisons: Sequence[Comparison], notes: Sequence[Note]) -> list[Comparison]:
    """The comparisons with what people should know of their datasets, or of any that has none."""
    titles = {comparison.setting.title for comparison in comparisons}
    first = {c.setting.title: number for number, c in reversed(list(enumerate(comparisons)))}
    found: list[Comparison] = []
    for number, comparison in enumerate(comparisons):
        own = [
            note.text if note.title in titles else f"{note.title}: {note.text}"
            for note in notes
            if first.get(note.title, 0) == number
        ]
        found.append(replace(comparison, notes=(*comparison.notes, *own)))
    return found


def _write(
    console: Console,
    comparisons: Sequence[Comparison],
    galleries: Mapping[Setting, Gallery],
    folder: Path,
) -> None:
    """Write the page and the files of each setting, in the place of those of an earlier comparison."""
    with console.bar("drawing") as bar:
        for comparison in bar.each(comparisons, "drawing figures"):
            write_files(folder / setting_name(comparison.setting), comparison_files(comparison))
        page = comparison_page(comparisons, galleries)
        write_files(folder, {PAGE: page.encode()})


def _record(
    asked: Asked,
    comparisons: Sequence[Comparison],
    place: Place,
    folder: Path,
) -> RecordedComparison:
    """Record the comparison in MLflow."""
    titles = list(dict.fromkeys(comparison.setting.title for comparison in comparisons))
    lines = [
        f"**{heading_of(comparison)}**\n\n" + "\n".join(f"- {line}" for line in comparison.found)
        for comparison in comparisons
    ]
    again = _command(asked, place)
    tags = {
        "mlflow.runName": f"compare {asked.name}",
        "dataset": ", ".join(titles),
        "cost": asked.cost,
        "command": without_passwords(again),
    }
    lines.append(f"To compare again: `{again}`")
    return record_comparison(
        place.client, place.storage, titles, asked.identity, tags, lines, folder
    )


def _command(asked: Asked, place: Place) -> str:
    """The command that compares the same again."""
    wanted, words = asked.wanted, list(asked.titles or ())
    cost = next(word for word, cost in COMPARED_COSTS.items() if cost.name == asked.cost)
    values = {
        "--corruption": wanted.corruption,
        "--preset": wanted.preset,
        "--resolution": None if wanted.resolution is None else f"{wanted.resolution:g}",
        "--train-fraction": None if wanted.train_fraction is None else f"{wanted.train_fraction:g}",
        "--seed": None if wanted.seeds is None else ",".join(map(str, wanted.seeds)),
        "--cost": None if cost == USUAL_COST else cost,
        "--max-cost": f"{asked.max_cost:g}" if asked.max_cost else None,
    }
    for flag, value in values.items():
        words += [] if value is None else [flag, value]
    return command("platform.compare", *words, *place_flags(str(place.storage), place.uri))
