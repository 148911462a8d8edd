"""A few samples before and after: a picture, and for speech sounds to listen to."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from platform.planning.setup import Setup
from textwrap import fill, shorten

import torch
from matplotlib.figure import Figure
from torch import Tensor

from dashboards.figure_files import figure_files
from dashboards.points import ReportedPoint
from dashboards.samples import sample_grid, spectrogram_grid
from trainables.core.progress import Progress, quiet
from trainables.data.dataset import Dataset
from trainables.data.spectrogram import Sound
from trainables.evaluation.evaluator import Evaluator

_SAMPLES = {"image": 6, "speech": 4}
_WIDTH = 40  # letters of a line of a caption, and of a text in a file's name
_QUIETEST = 1e-4  # magnitude, -80 dB: below it all is drawn alike


@dataclass(frozen=True)
class _Gallery:
    """Signals (N, *signal shape) and captions (N,) by what they are: clean, corrupted, or a point's
    label; and the true classes or texts, (N,).
    """

    signals: Mapping[str, Tensor]
    captions: Mapping[str, Sequence[str]]
    truths: Sequence[str]


def files_of_samples(
    setup: Setup,
    dataset: Dataset,
    points: Sequence[ReportedPoint],
    best: ReportedPoint,
    split: str = "test",
    progress: Progress = quiet,
) -> dict[str, bytes]:
    """Files of the first samples of a split, by their paths in a folder: samples.png and .svg, and for
    speech sounds/*.wav.

    Args:
        setup: data, corruption and networks.
        dataset: the data.
        points: what is reported; of these the enhanced baseline is sampled.
        best: the point that is sampled beside it.
        split: whose first samples are restored.
        progress: told of every point that is sampled.
    """
    gallery = _gallery(setup, dataset, points, best, split, progress)
    if dataset.sound is None:
        pixels = {name: signal.numpy() for name, signal in gallery.signals.items()}
        return figure_files("samples", sample_grid(pixels, gallery.captions))
    picture = figure_files("samples", _spectrograms(dataset.sound, gallery))
    return picture | _sounds(dataset.sound, gallery)


def _gallery(
    setup: Setup,
    dataset: Dataset,
    points: Sequence[ReportedPoint],
    best: ReportedPoint,
    split_name: str,
    progress: Progress,
) -> _Gallery:
    """A few samples, corrupted, and as the enhanced baseline and the best point restore them."""
    first = setup.job(split_name, 1).samplings()[0]
    sampling = replace(first, limit=_SAMPLES[setup.facts.kind])
    split = dataset.split(split_name).first(sampling.limit)
    enhanced = [p for p in points if p.role == "baseline" and p.strategy == "enhanced"][-1:]
    signals: dict[str, Tensor] = {"clean": split.clean()}
    captions: dict[str, Sequence[str]] = {}
    gpus_allowed = setup.plan.gpus_per_trial != 0
    device = torch.device("cuda" if gpus_allowed and torch.cuda.is_available() else "cpu")
    for number, point in enumerate([*enhanced, best]):
        progress(number, len(enhanced) + 1, f"sampling by {point.label}")
        evaluator = Evaluator(
            setup.task,
            point.strategy,
            setup.storage,
            setup.budget.batch,
            device,
            dataset=dataset,
        )
        outcome, x_cor = evaluator.sample(point.point, sampling)
        signals["corrupted"] = x_cor.cpu()
        truths = evaluator.judge.truths(split)
        captions["clean"] = _wrapped(truths)
        captions["corrupted"] = [""] * len(split)
        signals[point.label] = outcome.x.cpu()
        answers = evaluator.judge.texts(evaluator.answers(outcome))
        captions[point.label] = _wrapped([f"answer {answer}" for answer in answers])
    progress(len(enhanced) + 1, len(enhanced) + 1, "drawing the samples")
    return _Gallery(signals, captions, truths)


def _wrapped(texts: Sequence[str]) -> list[str]:
    """The texts on lines that are not longer than a caption's."""
    return [fill(text, _WIDTH) for text in texts]


def _spectrograms(sound: Sound, gallery: _Gallery) -> Figure:
    """The picture, in dB of the spectrum, its compression undone."""
    setting = sound.spectrogram
    columns = {}
    for name, signal in gallery.signals.items():
        compressed = torch.linalg.vector_norm(signal.float(), dim=1) / setting.beta
        magnitude = compressed ** (1 / setting.alpha)
        columns[name] = (20 * magnitude.clamp(min=_QUIETEST).log10()).numpy()
    frequencies, frames = sound.shape[1:]
    seconds = frames * setting.hop / setting.sample_rate
    kilohertz = frequencies * setting.sample_rate / setting.n_fft / 1000
    return spectrogram_grid(columns, gallery.captions, seconds, kilohertz)


def _sounds(sound: Sound, gallery: _Gallery) -> dict[str, bytes]:
    """A WAV file a signal; those of one utterance share one factor, so that their loudness compares."""
    waves = {name: sound.waveforms(signal.float()) for name, signal in gallery.signals.items()}
    files = {}
    for row, text in enumerate(gallery.truths):
        loudest = max(1.0, *(float(wave[row].abs().max()) for wave in waves.values()))
        for name, wave in waves.items():
            path = f"sounds/{row + 1}-{_slug(shorten(text, _WIDTH))}-{_slug(name)}.wav"
            files[path] = _wav(wave[row] / loudest, sound.spectrogram.sample_rate)
    return files


def _wav(wave: Tensor, rate: int) -> bytes:
    """A waveform (samples,) as a WAV file of 16 bits; `rate` is in Hz."""
    import soundfile  # a library of its own, which images do without

    file = io.BytesIO()
    soundfile.write(file, wave.numpy(), rate, subtype="PCM_16", format="WAV")
    return file.getvalue()


def _slug(label: str) -> str:
    """A label as part of a file's name."""
    return "-".join(re.findall(r"\w+", label))
