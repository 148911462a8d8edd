"""Small datasets in the layouts they are published in, and the contract that all datasets keep."""

from __future__ import annotations

import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10, CIFAR100

from trainables.core.errors import UsageError
from trainables.data import datasets
from trainables.data.dataset import Dataset
from trainables.data.datasets import in32_100

SPLITS = ("train", "validation", "test")
IN32_FILES = (*(f"train_data_batch_{i}" for i in range(1, 11)), "val_data")


def pixels(name: str, *shape: int) -> np.ndarray:
    """Random uint8 that follow from the name."""
    drawn = np.random.default_rng(zlib.crc32(name.encode()))
    return drawn.integers(0, 256, shape, dtype=np.uint8)


def dump(path: Path, content: object, protocol: int = 2) -> None:
    """Pickles, by default as Python 2 could."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=protocol))


def write_batch(path: Path, key: str, labels: list[int], protocol: int = 2) -> None:
    """Writes random images with these labels in the published layout."""
    rows = pixels(path.name, len(labels), 3072)
    dump(path, {"data": rows, key: labels, "filenames": ["a.png"] * len(labels)}, protocol)


def write_cifar(root: Path, source: type[CIFAR10], key: str, classes: int) -> Path:
    """Three images of every class in each batch that torchvision's `source` names; returns `root`."""
    directory = root / source.base_folder
    dump(
        directory / source.meta["filename"], {source.meta["key"]: [f"c{i}" for i in range(classes)]}
    )
    for name, _ in (*source.train_list, *source.test_list):
        write_batch(directory / name, key, [i % classes for i in range(3 * classes)])
    return root


def write_cifar10(root: Path) -> Path:
    return write_cifar(root, CIFAR10, "labels", 10)


def write_cifar100(root: Path) -> Path:
    return write_cifar(root, CIFAR100, "fine_labels", 100)


def write_in32(root: Path) -> Path:
    """Every chosen class once a batch, and classes that are not chosen; returns `root`."""
    labels = [*in32_100.subset().tolist(), *range(1, 20)]
    for name in IN32_FILES:
        write_batch(root / "Imagenet32_train" / name, "labels", labels, protocol=3)
    return root


def save_image(path: Path, size: tuple[int, int] = (9, 8), mode: str = "RGB") -> None:
    """Writes a random image, `size` as (W, H)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = pixels("/".join(path.parts[-3:]), size[1], size[0], 3)
    image = Image.fromarray(noise)
    (image.convert("L") if mode == "I;16" else image).convert(mode).save(path)


def write_folder(root: Path, mode: str = "RGB") -> Path:
    """Two classes, three training images and one test image each; returns `root`."""
    for directory, count in (("train", 3), ("test", 1)):
        for name in ("cat", "dog"):
            for i in range(count):
                save_image(root / directory / name / f"{i}.png", mode=mode)
    return root


def by_number(dataset: Dataset) -> dict[int, tuple[np.ndarray, int]]:
    """Every sample's stored image and label by its number."""
    found = {}
    for split in (dataset.split(name) for name in SPLITS):
        for image, label, number in zip(split.stored, split.labels, split.numbers, strict=True):
            found[int(number)] = (image.numpy(), int(label))
    return found


def keeps_the_contract(name: str, root: Path) -> None:
    """Checks that facts agree with what is loaded, and that splits are whole, disjoint and fixed."""
    facts, dataset = datasets.facts(name, root), datasets.load(name, root)
    assert dataset.name == facts.title
    assert dataset.signal_shape == facts.signal_shape and len(dataset.classes) == facts.classes
    assert facts.sentences == (dataset.script is not None) == (not dataset.classes)
    seen = []
    for split_name in SPLITS:
        split = dataset.split(split_name)
        images = split.clean()
        assert images.dtype == torch.float32 and images.shape[1:] == dataset.signal_shape
        largest = 1 if facts.kind == "image" else 4  # a tone of amplitude 1 has 3.4 at 48 kHz
        assert -largest <= float(images.min()) and float(images.max()) <= largest
        labels = range(len(dataset.classes)) if dataset.classes else [-1]
        assert set(split.labels.tolist()) == set(labels)
        assert len(images) == len(split.labels) == len(split.numbers) == len(split)
        seen += split.numbers.tolist()
    assert len(seen) == len(set(seen)), "splits overlap"
    again = datasets.load(name, root)
    assert datasets.facts(name, root) == facts
    for split_name in SPLITS:
        assert torch.equal(again.split(split_name).clean(), dataset.split(split_name).clean())
        assert torch.equal(again.split(split_name).numbers, dataset.split(split_name).numbers)
    with pytest.raises(UsageError, match="unknown split"):
        dataset.split("tset")
