"""The contract of all datasets, real data where there are any; MNIST's file; small sets and splits."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import asset
from dataset_files import (
    SPLITS,
    keeps_the_contract,
    pixels,
    write_cifar10,
    write_cifar100,
    write_in32,
)
from speech_files import (
    loud_spans,
    write_ears,
    write_fsdd,
    write_gsc,
    write_responses,
    write_wham,
)

from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise
from trainables.data import datasets
from trainables.data.datasets import gsc_reverb
from trainables.data.published_images import published
from trainables.data.speech import ears


def write_digits(root: Path) -> Path:
    return write_fsdd(root, digits=10, indices=(0, 10))


def write_fewer_digits(root: Path) -> Path:
    return write_fsdd(root, digits=10, indices=(0, 10), speakers=("george", "lucas", "yweweler"))


def write_commands(root: Path) -> Path:
    return write_gsc(root, words=gsc_reverb.WORDS, indices=(0,))


@pytest.fixture(autouse=True)
def _loud_is_speech(monkeypatch):
    monkeypatch.setattr(ears, "speech_spans", loud_spans)


ROOTS = {
    "cifar10": write_cifar10,
    "cifar100": write_cifar100,
    "digits": lambda root: root,
    "ears-reverb": lambda root: write_responses(write_ears(root)),
    "ears-wham": lambda root: write_wham(write_ears(root)),
    "fsdd-babble": write_digits,
    "fsdd-reverb": write_fewer_digits,
    "gsc-reverb": write_commands,
    "folder": lambda root: asset("COUPLED_DATA", "cifar100-subset"),
    "in32-100": write_in32,
    "mnist": lambda root: asset("COUPLED_ASSETS", "mnist.npz").parent,
}


SPOKEN = ("ears-reverb", "ears-wham", "fsdd-babble", "fsdd-reverb", "gsc-reverb")

MARKS = {
    "folder": pytest.mark.assets,
    "mnist": pytest.mark.assets,
    "fsdd-reverb": pytest.mark.slow,
    "gsc-reverb": pytest.mark.slow,
}


def _marked(name: str):
    return pytest.param(name, marks=MARKS.get(name, ()))


@pytest.mark.parametrize("name", map(_marked, datasets.names()))
def test_every_dataset_keeps_the_contract(name, tmp_path):
    root = ROOTS[name](tmp_path)
    keeps_the_contract(name, root)
    assert name == "folder" or datasets.facts(name, root).title == name


IMAGES = [name for name in datasets.names() if name not in SPOKEN]


@pytest.mark.parametrize("name", map(_marked, IMAGES))
def test_white_noise_is_standard_in_the_units_of_every_image_dataset(name, tmp_path):
    """About each channel's mean over the training split, with its deviation, which the classes and the
    published constants of a dataset have no part in.
    """
    dataset = datasets.load(name, ROOTS[name](tmp_path))
    train = dataset.train.clean()
    mean, deviation = train.mean(dim=(0, 2, 3)), train.std(dim=(0, 2, 3), correction=0)
    test = dataset.test.first(64)
    x0 = test.clean()
    noise = SampleNoise(0, test.numbers.tolist())
    x_cor = test.corrupted(x0, slice(None), "gn30", noise)
    for channel in range(x0.shape[1]):
        replaced = (x_cor != x0)[:, channel]
        white = (x_cor[:, channel][replaced] - mean[channel]) / deviation[channel]
        error = 5 / len(white) ** 0.5
        assert float(white.mean()) == pytest.approx(0, abs=error)
        assert float(white.std()) == pytest.approx(1, abs=error)


def test_mnist_of_another_shape_or_cut_is_refused(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, x_train=pixels("x", 5, 28, 28), y_train=np.zeros(5, np.uint8))
    (tmp_path / "mnist.npz").write_bytes(buffer.getvalue())
    with pytest.raises(UsageError, match=r"x_train is \(5, 28, 28\) uint8, but must be"):
        datasets.load("mnist", tmp_path)
    (tmp_path / "mnist.npz").write_bytes(buffer.getvalue()[:-50])
    with pytest.raises(UsageError, match=r"mnist.npz is broken"):
        datasets.load("mnist", tmp_path)


@pytest.mark.parametrize("counts", [(2, 2), (3, 3), (2, 5, 2, 40), (2, 400)])
def test_small_and_rare_classes_are_in_every_split(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    names = tuple(map(str, range(len(counts))))
    test = (pixels("x", len(counts), 1, 8, 8), np.arange(len(counts)))
    dataset = published("few", names, (pixels("x", len(labels), 1, 8, 8), labels), test)
    for name in SPLITS:
        assert set(dataset.split(name).labels.tolist()) == set(range(len(counts)))
    numbers = torch.cat([dataset.split(name).numbers for name in SPLITS])
    assert sorted(numbers.tolist()) == list(range(len(labels) + len(counts)))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([0, 0, 0, 1], "class 'b' has 1, but every class needs at least 2 training"),
        ([0, 0, 1, 2], "a label 2, but labels must be from 0 to 1"),
        ([0, 0, 1], r"4, but their labels are of shape \(3,\)"),
    ],
)
def test_labels_must_fit(labels, reason):
    images = pixels("x", 4, 1, 8, 8)
    with pytest.raises(UsageError, match=reason):
        published("few", ("a", "b"), (images, np.array(labels)), (images, np.array([0, 0, 1, 1])))
