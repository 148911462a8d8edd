"""Classifiers of Gaussian mixtures: trained for several lengths in several dimensions, and measured. What was
measured of each is kept in the storage, so that an interrupted diagnosis goes on.

They are trained in this process, not by Ray: an update of such an MLP takes milliseconds, so that starting
workers would take about as long as all of them together at the usual preset.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from platform.cli.console import Bar
from platform.cli.interrupts import check
from platform.planning.presets.mixture import MixturePreset

from trainables.core.config import as_mapping, digest, from_mapping
from trainables.core.files import write_json
from trainables.core.noise import generator_of
from trainables.diffusion.gaussian import GaussianDiffusion
from trainables.diffusion.mixture import circle_mixture
from trainables.evaluation.guidance_error import measure_guidance, of_network
from trainables.scoring.guidance import MeasuredGuide
from trainables.training.mixture_classifier import train_classifier

Report = Callable[[int], None]
_FORMAT = 1
"""Raised when the same settings would give other numbers."""


def measured_guides(
    preset: MixturePreset, seed: int, records: Path, bar: Bar
) -> list[MeasuredGuide]:
    """Train and measure a classifier of every dimension, seed and training length.

    Each seed has a mixture, initial weights, training samples and held-out samples of its own; classifiers
    of one mixture begin alike and differ in how long they are trained.

    Args:
        preset: what is trained and measured.
        seed: of everything.
        records: the directory of what was measured of each classifier.
        bar: where the progress is shown, in updates.

    Raises:
        KeyboardInterrupt: the run was interrupted.
    """
    total = preset.seeds * len(preset.dimensions) * sum(preset.updates)
    finished, guides = 0, []
    for d, number, updates in _trainings(preset):
        file = records / f"{_key(preset, seed, d, number, updates)}.json"
        if not file.exists():
            text = f"training classifiers, d = {d}, {updates} updates, seed {number}; updates"

            def report(done: int, before: int = finished, text: str = text) -> None:
                check()
                bar.update(before + done, total, text)

            guide = _measured(preset, seed, d, number, updates, report)
            write_json(file, as_mapping(guide))
        guides.append(from_mapping(MeasuredGuide, json.loads(file.read_text())))
        finished += updates
    bar.update(total, total)
    return guides


def _measured(
    preset: MixturePreset, seed: int, d: int, number: int, updates: int, report: Report
) -> MeasuredGuide:
    """A classifier of one dimension, seed and training length, trained and measured."""
    process, words = GaussianDiffusion(preset.T), (seed, number, d)
    mixture = circle_mixture(preset.classes, d, generator_of("mixture", *words))
    classifier = train_classifier(mixture, process, updates, preset.training, *words, report=report)
    steps = measure_guidance(
        of_network(classifier, process),
        mixture,
        process,
        process.levels(preset.steps)[:-1],  # the last level is clean: nothing is guided there
        preset.samples,
        *words,
    )
    return MeasuredGuide(d, updates, number, tuple(steps))


def _key(preset: MixturePreset, seed: int, d: int, number: int, updates: int) -> str:
    """A hash of all that shapes what is measured of a classifier."""
    measured = [preset.T, preset.steps, preset.classes, preset.samples]
    values = [_FORMAT, as_mapping(preset.training), measured, seed, d, number, updates]
    return digest(values, 20)


def _trainings(preset: MixturePreset) -> Iterator[tuple[int, int, int]]:
    """Dimension, number of the seed and length of every training."""
    for d in preset.dimensions:
        for number in range(preset.seeds):
            for updates in preset.updates:
                yield d, number, updates
