"""The report on classifiers of Gaussian mixtures: tables, figure, files, runs, and what was found."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from platform.backend.mixture_runs import MixtureRuns
from platform.cli.console import Console, chatter_to
from platform.cli.next_commands import command, place_flags
from platform.cli.tables import paragraphs, say_if_smoke
from platform.diagnosis.mixture_tables import mixture_tables, text_of
from platform.diagnosis.mixture_work import measured_guides
from platform.diagnosis.names import MIXTURE
from platform.planning import presets
from platform.planning.presets.mixture import MixturePreset, preset
from typing import Any

from dashboards.figure_files import figure_files
from dashboards.guidance import guidance_figure
from trainables.core.config import as_mapping
from trainables.core.files import write_files, write_json, write_whole
from trainables.scoring.guidance import GuidanceLaw, MeasuredGuide, law_of

BOUND = (
    "The paper bounds the mean squared guidance error by O~(d epsilon), up to a constant and logarithms that "
    "are not stated here: what can be compared is the slope (the curve's is 1, and an error that fell more "
    "slowly than epsilon down to 0 would leave every multiple of it) and the ratio error / (d epsilon).",
)
_COLUMNS = (
    "dimensions", "updates", "seed", "level", "cross_entropy", "entropy", "kl", "epsilon",
    "guidance_error", "guidance_size", "d_epsilon", "ratio",
)  # fmt: skip


@dataclass(frozen=True)
class MixtureWork:
    """A diagnosis of mixtures.

    Args:
        preset_name: of the budget.
        seed: of everything.
        storage: the directory of all output, absolute.
        tracking_uri: MLflow's, absolute.
        tracking_patience: seconds that the tracking store may be away for.
    """

    preset_name: str
    seed: int
    storage: Path
    tracking_uri: str
    tracking_patience: float

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return self.storage / "diagnose" / f"{MIXTURE}-{self.preset_name}-seed{self.seed}"

    @property
    def records(self) -> Path:
        """Where what was measured of each classifier is kept."""
        return self.storage / "diagnose" / MIXTURE / "records"


def diagnose_mixture(work: MixtureWork, console: Console, json_file: Path | None) -> int:
    """Train, measure, record and report; returns the exit status."""
    budget, log = preset(work.preset_name), work.folder / "diagnose.log"
    console.line(f"{MIXTURE} (preset {work.preset_name}, seed {work.seed}); log: {log}")
    tags = {"preset": work.preset_name, "seed": str(work.seed)}
    with chatter_to(log):
        runs = MixtureRuns(
            work.tracking_uri, work.storage, MIXTURE, tags, work.tracking_patience, console.line
        )
        if runs.note:
            console.line(f"          {runs.note}")
        with (
            console.step("train", "train and measure noise-conditional classifiers"),
            console.bar("starting") as bar,
        ):
            guides = measured_guides(budget, work.seed, work.records, bar)
        laws = {d: law_of([g for g in guides if g.dimensions == d]) for d in budget.dimensions}
        law = law_of(guides)
        files = _save(work.folder, guides, laws, law)
        files |= _draw(work, guides, laws)
        name = f"{MIXTURE} {work.preset_name} seed {work.seed}"
        params = {**as_mapping(budget), **tags}
        children = {
            f"d {d}, {updates} updates": _curves(guides, d, updates)
            for d in budget.dimensions
            for updates in budget.updates
        }
        attached = [*files.values(), files["figure"].with_suffix(".svg")]
        run = runs.record(name, params, _metrics(law, laws), children, attached)
    if json_file is not None:
        write_json(json_file, _contents(guides, laws, law))
    _report(work, budget, guides, laws, law, files, run, console)
    return 0


def _contents(
    guides: Sequence[MeasuredGuide], laws: dict[int, GuidanceLaw], law: GuidanceLaw
) -> dict[str, Any]:
    """All that was found, in JSON types."""
    return {
        "law": _finite(asdict(law)),
        "laws": {str(d): _finite(asdict(of_d)) for d, of_d in laws.items()},
        "classifiers": [
            {**asdict(g), "steps": [
                {**asdict(s), "epsilon": s.epsilon, "curve": g.dimensions * s.epsilon,
                 "ratio": s.ratio(g.dimensions)} for s in g.steps]}
            for g in guides
        ],
    }  # fmt: skip


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """The values with None in the place of infinite ends of intervals, which JSON has not."""
    return {
        name: _finite(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and value in (float("inf"), -float("inf"))
        else value
        for name, value in values.items()
    }


def _save(
    folder: Path,
    guides: Sequence[MeasuredGuide],
    laws: dict[int, GuidanceLaw],
    law: GuidanceLaw,
) -> dict[str, Path]:
    """Write the results as JSON and CSV; returns the files."""
    write_json(folder / "results.json", _contents(guides, laws, law))
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_COLUMNS)
    for guide in guides:
        for step in guide.steps:
            d = guide.dimensions
            writer.writerow(
                [d, guide.updates, guide.seed, step.level, step.cross_entropy, step.entropy, step.kl,
                 step.epsilon, step.guidance_error, step.guidance_size, d * step.epsilon,
                 step.ratio(d)]
            )  # fmt: skip
    write_whole(folder / "results.csv", buffer.getvalue().encode())
    return {"json": folder / "results.json", "table": folder / "results.csv"}


def _draw(
    work: MixtureWork, guides: Sequence[MeasuredGuide], laws: dict[int, GuidanceLaw]
) -> dict[str, Path]:
    """Draw the figure; returns the PNG file, beside which lies an SVG."""
    seeds = len({guide.seed for guide in guides})
    note = (
        f"a point is a classifier at a diffusion step, {seeds} seeds; slopes are those at the same step over "
        "training lengths, with 95 % intervals over seeds; the bound's constant and logarithms are unknown"
    )
    title = "guidance error against ε on Gaussian mixtures whose posterior is known"
    figure = guidance_figure(title, guides, laws, note)
    return {"figure": write_files(work.folder, figure_files(MIXTURE, figure))[f"{MIXTURE}.png"]}


def _curves(guides: Sequence[MeasuredGuide], d: int, updates: int) -> list[tuple[str, float, int]]:
    """Metrics of a dimension and training length at each step, means over seeds."""
    chosen = [g for g in guides if (g.dimensions, g.updates) == (d, updates)]
    values = []
    for number, step in enumerate(chosen[0].steps):
        steps = [g.steps[number] for g in chosen]
        for name in ("cross_entropy", "entropy", "kl", "epsilon", "guidance_error"):
            mean = sum(getattr(s, name) for s in steps) / len(steps)
            values.append((name, mean, step.level))
        values.append(("ratio", sum(s.ratio(d) for s in steps) / len(steps), step.level))
    return values


def _metrics(law: GuidanceLaw, laws: dict[int, GuidanceLaw]) -> dict[str, float]:
    """The metrics of the parent run."""
    metrics = {f"slope_d{d}": of_d.slope.value for d, of_d in laws.items()}
    metrics |= {f"slope_of_means_d{d}": of_d.slope_of_means.value for d, of_d in laws.items()}
    metrics |= {"slope": law.slope.value, "share_below_d_epsilon": law.share_below}
    metrics |= {"highest_ratio": law.highest_ratio, "lowest_ratio": law.lowest_ratio}
    return metrics | ({} if law.dimension is None else {"exponent_of_d": law.dimension.value})


def finding(law: GuidanceLaw, laws: dict[int, GuidanceLaw]) -> list[str]:
    """What the laws, of all dimensions and of each, say of the bound: a paragraph each."""
    text = f"over training lengths at the same step, the guidance error falls as ε^{text_of(law.slope)}"
    if law.slope.low >= 1:
        text += ", at least as fast as the curve d ε"
    elif law.slope.high < 1:
        text += ", more slowly than the curve d ε"
    else:
        text += ", which cannot be told from the curve d ε"
    means = "; ".join(f"d = {d}: {text_of(of_d.slope_of_means)}" for d, of_d in laws.items())
    text += f". Of the means over all steps the slopes are: {means}"
    if law.dimension is not None:
        text += f". At the same step and ε it grows as d^{text_of(law.dimension)}, the bound as d^1; these "
        text += "mixtures are made such that further dimensions tell nothing of the means"
    below = "all" if law.share_below == 1 else f"{100 * law.share_below:.0f} %"
    place = f"d = {law.highest_dimensions}, t = {law.highest_level}"
    ratio = (
        f"with constant 1 the curve d ε lies above {below} of the measured errors; the least constant that "
        f"bounds all is {law.highest_ratio:.2f}, which {place} needs"
    )
    return [text, ratio, _slower_text(laws)]


def _slower_text(laws: dict[int, GuidanceLaw]) -> str:
    """The steps at which the error falls more slowly than epsilon, beyond chance."""
    slower = [
        f"d = {d}, t = {level}: {text_of(slope)}"
        for d, law in laws.items()
        for level, slope in (law.slopes or {}).items()
        if slope.high < 1
    ]
    if not slower:
        return "at no step the error falls more slowly than ε, as far as the intervals tell"
    return (
        f"the error falls more slowly than ε at {'; '.join(slower)}: there the ratio to the curve grows "
        "with training, which over a finite range contradicts no bound up to constants, but does not "
        "support it either"
    )


def _report(
    work: MixtureWork,
    budget: MixturePreset,
    guides: Sequence[MeasuredGuide],
    laws: dict[int, GuidanceLaw],
    law: GuidanceLaw,
    files: dict[str, Path],
    run: str,
    console: Console,
) -> None:
    """Show the numbers, say what was found, name the files, say what to type next."""
    mixture_tables(budget, guides, laws, console)
    console.line()
    paragraphs(console, "bound:", BOUND)
    say_if_smoke(console, work.preset_name)
    console.line()
    paragraphs(console, "found:", finding(law, laws))
    for name, path in files.items():
        console.line(f"{name + ':':9} {path}")
    console.line(f"MLflow:   experiment {MIXTURE}, run {run}")
    console.line("find where guidance can be trusted on data:")
    flags = [] if work.preset_name == presets.USUAL else ["--preset", work.preset_name]
    flags += place_flags(str(work.storage), work.tracking_uri)
    console.line(f"  {command('platform.diagnose', 'digits', *flags)}")
