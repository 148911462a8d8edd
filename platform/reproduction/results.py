"""The results of a reproduction: its numbers beside the paper's, as files and as a figure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dashboards.curves import curves_figure
from dashboards.figure_files import figure_files
from dashboards.paper_comparison import Pair, side_by_side
from trainables.core.files import write_files, write_json, write_whole
from trainables.data.degradation import path_name
from trainables.scoring.metric_names import BY_TOP5, NFE, Metric
from trainables.scoring.statistics import holm, wilson

_TOP5 = (BY_TOP5.name, BY_TOP5.low, BY_TOP5.high)


@dataclass(frozen=True)
class Result:
    """A method as it was measured on the test split, and what the paper reports of it.

    Args:
        dataset, corruption: names of the data; beside the corruption's stand resolution and training share
            where they are not 1.
        method: the method's label in the table.
        strategy: what it samples by.
        place: where it is drawn in a figure over the number of steps, 0 where it has no place there.
        point: the sampling parameters.
        ours: metrics on the test split, fractions.
        images: how many test images were measured, or utterances where signals are speech.
        seeds: at how many sampling seeds, of each training seed.
        paper: the paper's metrics, fractions; None where it reports none.
        paper_images: on how many images it reports them, 0 where it does not tell.
        test: the paired test on the same images against the table's reference method; None for that
            method itself.
        paper_dataset: whose numbers the paper's are, empty where it reports none.
        per_seed: metrics at each training seed, by the seed. Where there are several, `ours` and `test` are
            over training seeds and samples.
    """

    dataset: str
    corruption: str
    method: str
    strategy: str
    place: int
    point: Mapping[str, Any]
    ours: Mapping[str, float]
    images: int
    seeds: int
    paper: Mapping[str, float] | None
    paper_images: int
    test: Mapping[str, float] | None = None
    paper_dataset: str = ""
    per_seed: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def training_seeds(self) -> int:
        """The number of training seeds."""
        return max(1, len(self.per_seed))

    def as_json(self) -> dict[str, Any]:
        """The result in JSON types."""
        return asdict(self)


def corrected(results: Sequence[Result]) -> list[Result]:
    """The results with their tests corrected together, by Holm, for all that are printed: `p_holm`."""
    tested = [place for place, result in enumerate(results) if result.test]
    p_values = holm([(results[place].test or {})["p_value"] for place in tested])
    by_place = dict(zip(tested, p_values, strict=True))
    return [
        replace(result, test={**(result.test or {}), "p_holm": by_place[place]})
        if place in by_place
        else result
        for place, result in enumerate(results)
    ]


def percent_of(reported: float | None, images: int, metric: Metric) -> dict[str, float] | None:
    """A percentage of the paper as metrics, with the interval that its number of images gives.

    Args:
        reported: the percentage; None gives None.
        images: how many images it is of, 0 where that is not known: then there is no interval.
        metric: what it is a percentage of.
    """
    if reported is None:
        return None
    metrics = {metric.name: reported / 100}
    if not images:
        return metrics
    low, high = wilson(reported / 100, images)
    return metrics | {metric.low: low, metric.high: high}


def save(results: Sequence[Result], folder: Path, metric: Metric) -> dict[str, Path]:
    """Write the results as JSON and CSV; returns the files."""
    write_json(folder / "results.json", [result.as_json() for result in results])
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    names = (metric.name, metric.low, metric.high)
    writer.writerow(
        ["dataset", "corruption", "method", "point", NFE, *names, "images", "seeds"]
        + [f"paper_{name}" for name in names]
        + ["paper_images", "paper_dataset", "accuracy_difference", "p_value", "p_holm"]
        + ["training_seeds", *_TOP5]
    )
    for r in results:
        paper = r.paper or {}
        writer.writerow(
            [r.dataset, r.corruption, r.method, json.dumps(dict(r.point)), r.ours[NFE]]
            + [r.ours[name] for name in names]
            + [r.images, r.seeds, *(paper.get(name, "") for name in names)]
            + [r.paper_images, r.paper_dataset]
            + [(r.test or {}).get(name, "") for name in ("difference", "p_value", "p_holm")]
            + [r.training_seeds, *(r.ours.get(name, "") for name in _TOP5)]
        )
    write_whole(folder / "results.csv", buffer.getvalue().encode())
    return {"json": folder / "results.json", "table": folder / "results.csv"}


def draw(
    title: str, name: str, results: Sequence[Result], folder: Path, metric: Metric
) -> dict[str, Path]:
    """Draw the results: over the steps where they have a place there, else beside the paper's.

    Returns the PNG files by name; an SVG file lies beside each.
    """
    files: dict[str, Path] = {}
    for panel in dict.fromkeys((r.dataset, r.corruption) for r in results if r.place):
        panel_results = [r for r in results if (r.dataset, r.corruption) == panel]
        curves = {
            strategy: [(float(r.place), r.ours) for r in panel_results if r.strategy == strategy]
            for strategy in dict.fromkeys(r.strategy for r in panel_results)
        }
        note = f"bars: 95 % intervals over {panel_results[0].images} test {metric.samples}"
        note += _and_seeds(panel_results, "and")
        figure = curves_figure(
            f"{title}: {' '.join(panel)}",
            "selected steps of each trajectory",
            note,
            curves,
            metric,
        )
        stem = f"{name}-{panel[0]}-{path_name(panel[1])}"
        written = write_files(folder, figure_files(stem, figure))
        files[f"figure of {' '.join(panel)}"] = written[f"{stem}.png"]
    if not any(r.place for r in results):
        pairs = [Pair(_panel(r), r.method, r.strategy, r.ours, r.paper) for r in results]
        heading = title + _and_seeds(results, "over")
        written = write_files(folder, figure_files(name, side_by_side(heading, pairs, metric)))
        files["figure"] = written[f"{name}.png"]
    return files


def _and_seeds(results: Sequence[Result], word: str) -> str:
    """The number of training seeds, in words that follow others; empty where there is one."""
    number = max(result.training_seeds for result in results)
    return f" {word} {number} training seeds" if number > 1 else ""


def _panel(result: Result) -> str:
    """The title of a result's panel: data and corruption, and the dataset of the paper's numbers where
    it is another.
    """
    title = f"{result.dataset} {result.corruption}"
    if result.paper_dataset in ("", result.dataset):
        return title
    return f"{title} (paper: {result.paper_dataset})"
