"""Figures 3 and 5: samples as the enhanced baseline and the coupled strategies restore them, with what each
answers. Parts are prepared as for the tables.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from platform.backend.session import TrackedSession
from platform.cli.console import Console
from platform.cli.counts import counted
from platform.cli.tables import say_if_smoke
from platform.pipeline.prepare import prepare, read
from platform.planning.setup import BASELINES, Setup, kinds_of
from platform.reproduction.paper_tables import SAMPLE_FIGURES, Method, SampleFigure
from platform.reproduction.settings import folder_of, run_settings, setups_of
from typing import Any

from dashboards.figure_files import figure_files
from dashboards.samples import AnsweredSamples, answered_grid
from trainables.core.files import write_files, write_json
from trainables.data.dataset import Dataset
from trainables.data.degradation import path_name
from trainables.evaluation.evaluator import Evaluator

ROWS = 6
"""The most samples of a figure."""
_SEARCHED = 200
"""The most test samples that are restored to find some that are answered differently."""
CLEAN, CORRUPTED = "clean", "corrupted"


@dataclass(frozen=True)
class SampleWork:
    """A figure of samples that is reproduced.

    Args:
        figure: the paper's.
        name: the figure's, as one of `paper_tables.SAMPLE_FIGURES`.
        setups: one a dataset and corruption.
        steps: of each trajectory; as many as there are noise levels if None.
        folder: where the pictures go.
    """

    figure: SampleFigure
    name: str
    setups: tuple[Setup, ...]
    steps: int | None
    folder: Path


def sample_work_of(namespace: argparse.Namespace) -> SampleWork:
    """The figure that the command line asks for, with a setup for every dataset and corruption.

    Raises:
        UsageError: a plan is not possible, or the data are not images.
    """
    figure = SAMPLE_FIGURES[namespace.what]
    setups = setups_of(namespace, "nested", "image", figure.datasets, figure.corruptions)
    folder = folder_of(namespace, setups[0])
    return SampleWork(figure, namespace.what, tuple(setups), namespace.steps, folder)


def reproduce_samples(work: SampleWork, console: Console) -> tuple[list[dict[str, Any]], int]:
    """Draw the figure of every dataset and corruption; returns what is on them, in JSON types, and the exit
    status. A setting whose data are not there is reported and left out.
    """
    contents: list[dict[str, Any]] = []
    log = work.folder / "reproduce.log"
    console.line(f"{work.name} on {counted(len(work.setups), 'setting')}; log: {log}")

    def draw(session: TrackedSession) -> None:
        contents.append(_draw(work, session))
        write_json(work.folder / "samples.json", contents)

    status = run_settings(work.setups, console, log, draw)
    if contents:
        say_if_smoke(console, work.setups[0].plan.preset)
    return contents, status


def _draw(work: SampleWork, session: TrackedSession) -> dict[str, Any]:
    """Train what is missing, restore samples, draw those of the figure; what is on it, in JSON types."""
    setup, console = session.setup, session.console
    methods = work.figure.methods()
    prepare(session, kinds_of([*BASELINES[:1], *(method.strategy for method in methods)]))
    dataset = read(setup, console)
    restored = _restored(work, session, dataset, methods)
    rows, note = _chosen(work.figure, restored)
    samples = restored.part(rows)
    stem = f"{work.name}-{setup.plan.dataset}-{path_name(setup.plan.condition)}"
    heading = f"{work.figure.title}: {setup.facts.title}, {setup.plan.condition}"
    files = write_files(work.folder, figure_files(stem, answered_grid(heading, note, samples)))
    console.line(f"          {note}")
    console.line(f"picture:  {files[f'{stem}.png']}")
    answers, of_pictures = (
        {name: list(texts) for name, texts in texts_by_name.items()}
        for texts_by_name in (samples.answers, samples.of_pictures)
    )
    return {
        "dataset": setup.facts.title,
        "corruption": setup.plan.condition,
        "preset": setup.plan.preset,
        "seed": setup.plan.seed,
        "note": note,
        "samples": rows,
        "truths": list(samples.truths),
        "answers": answers,
        "answers_of_restored_signals": of_pictures,
        "files": {name: str(path) for name, path in files.items()},
    }


def _restored(
    work: SampleWork, session: TrackedSession, dataset: Dataset, methods: Sequence[Method]
) -> AnsweredSamples:
    """The first test samples, clean, corrupted and as each method restores them, with what each answers and
    what the classifier makes of the corrupted ones; where the logits answer, also of the restored ones.
    """
    setup = session.setup
    limit = min(_SEARCHED, setup.budget.confirm_limit) if work.figure.differing else ROWS
    sampling = replace(setup.job("test", 1).samplings()[0], limit=limit)
    split = dataset.test.first(limit)
    steps = work.steps or setup.task.recipe.T
    device = session.cluster.foreseen(setup).device_here
    pictures, answers, of_pictures = {CLEAN: split.clean().numpy()}, {}, {}
    truths: list[str] = []
    columns = [Method(CORRUPTED, "noisy", lambda _: {}), *methods]
    with session.console.bar("restoring samples") as bar:
        for number, method in enumerate(columns):
            bar.update(number, len(columns), f"sampling by {method.strategy}")
            evaluator = Evaluator(
                setup.task, method.strategy, setup.storage, setup.budget.batch, device,
                dataset=dataset,
            )  # fmt: skip
            outcome, _ = evaluator.sample(method.point(steps), sampling)
            pictures[method.label] = outcome.x.float().cpu().numpy()
            answers[method.label] = evaluator.judge.texts(evaluator.answers(outcome))
            if method.point(steps).get("answer") == "y":
                of_signal = evaluator.judge.texts(evaluator.answers_of_signal(outcome))
                of_pictures[method.label] = of_signal
            truths = truths or evaluator.judge.truths(split)
    return AnsweredSamples(pictures, answers, truths, of_pictures)


def _chosen(figure: SampleFigure, restored: AnsweredSamples) -> tuple[list[int], str]:
    """Numbers of the samples that are drawn, and how they were chosen, in words."""
    total = len(restored.truths)
    if not figure.differing:
        return list(range(min(ROWS, total))), f"the first {min(ROWS, total)} test samples"
    texts = [answers for name, answers in restored.answers.items() if name != CORRUPTED]
    differing = [row for row in range(total) if len({answers[row] for answers in texts}) > 1]
    if not differing:
        rows = list(range(min(ROWS, total)))
        return rows, f"all methods answer the first {total} test samples alike; the first are shown"
    rows = differing[:ROWS]
    return rows, (
        f"the first {len(rows)} of the {len(differing)} among {total} test samples that these methods do "
        "not all answer alike"
    )
