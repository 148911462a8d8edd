"""CIFAR and ImageNet32 from their pickled batches: what is read, what is refused, what is missing."""

import hashlib
import os
import pickle
import re
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_files import (
    IN32_FILES,
    by_number,
    dump,
    pixels,
    write_cifar,
    write_cifar10,
    write_in32,
)
from torchvision.datasets import CIFAR10, CIFAR100

from trainables.core.errors import UsageError
from trainables.data import datasets, pickled_batches
from trainables.data.datasets import in32_100


@pytest.mark.parametrize(
    ("source", "key", "classes"), [(CIFAR10, "labels", 10), (CIFAR100, "fine_labels", 100)]
)
def test_cifar_pixels_and_labels_are_the_batches(source, key, classes, tmp_path):
    write_cifar(tmp_path, source, key, classes)
    files = [name for name, _ in (*source.train_list, *source.test_list)]
    images, labels = [], []
    for i, name in enumerate(files):  # coarse labels beside the fine ones must not be taken
        own = [(i + j) % classes for j in range(2 * classes)]
        rows = pixels(name, len(own), 3072)
        both = {"data": rows, "coarse_labels": [0] * len(own), key: own}
        dump(tmp_path / source.base_folder / name, both)
        images.append(rows)
        labels += own
    dataset = datasets.load(source.__name__.lower(), tmp_path)
    assert dataset.classes[3] == "c3"
    expected = np.concatenate(images).reshape(-1, 3, 32, 32)
    found = by_number(dataset)
    assert sorted(found) == list(range(len(expected)))
    for number, (image, label) in found.items():
        assert np.array_equal(image, expected[number]) and label == labels[number]


def test_in32_keeps_the_chosen_classes(tmp_path):
    chosen = in32_100.subset()
    assert len(set(chosen.tolist())) == 100 and 1 <= chosen.min() and chosen.max() <= 1000
    dataset = datasets.load("in32-100", write_in32(tmp_path))
    assert dataset.classes == tuple(map(str, chosen.tolist()))
    expected = []
    for name in IN32_FILES:
        content = pickle.loads((tmp_path / "Imagenet32_train" / name).read_bytes())
        for row, label in zip(content["data"], content["labels"], strict=True):
            if label in chosen:
                expected.append((row, str(label)))
    found = by_number(dataset)
    assert sorted(found) == list(range(len(expected))) and len(expected) >= 1100
    assert len(dataset.test) == len(expected) // 11
    for number, (image, label) in found.items():
        assert np.array_equal(image.ravel(), expected[number][0])
        assert dataset.classes[label] == expected[number][1]


def test_in32_is_read_once_and_anew_for_another_subset(tmp_path, monkeypatch):
    first = datasets.load("in32-100", write_in32(tmp_path))
    for name in IN32_FILES:
        (tmp_path / "Imagenet32_train" / name).unlink()
    again = datasets.load("in32-100", tmp_path)
    assert torch.equal(again.train.stored, first.train.stored)
    monkeypatch.setattr(in32_100, "SUBSET_SEED", 1)
    with pytest.raises(UsageError, match="train_data_batch_1,"):
        datasets.load("in32-100", tmp_path)
    monkeypatch.undo()
    (tmp_path / "in32-100.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(UsageError, match=r"in32-100.npz is broken .*made anew"):
        datasets.load("in32-100", tmp_path)


def test_in32_goes_on_where_it_cannot_keep_its_subset(tmp_path, monkeypatch):
    def refuse(path, content):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(in32_100, "write_whole", refuse)
    dataset = datasets.load("in32-100", write_in32(tmp_path))
    assert len(dataset.classes) == 100 and not (tmp_path / "in32-100.npz").exists()


def test_in32_says_which_file_is_missing_and_where_to_get_it(tmp_path):
    write_in32(tmp_path)
    (tmp_path / "Imagenet32_train" / "train_data_batch_7").unlink()
    with pytest.raises(UsageError, match="train_data_batch_7,") as raised:
        datasets.load("in32-100", tmp_path)
    line = str(raised.value)
    assert str(tmp_path) in line and "Imagenet32_val" in line and "\n" not in line
    assert "https://image-net.org/download-images" in line and "--data-dir" in line


class _Runs:
    """Unpickled by an ordinary unpickler, it makes a file."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self):
        return os.system, (f"touch {self.proof}",)


@pytest.mark.parametrize("place", ["alone", "in the dict", "as a key's value"])
def test_a_pickle_that_runs_code_is_refused_and_not_run(place, tmp_path):
    proof = tmp_path / "proof"
    evil = _Runs(proof)
    content = {"alone": evil, "in the dict": {"data": [evil]}}.get(place, {"labels": evil})
    write_cifar10(tmp_path)
    dump(tmp_path / CIFAR10.base_folder / "data_batch_3", content)
    with pytest.raises(UsageError, match=r"data_batch_3 refused: it asks for .*\.system; only arr"):
        datasets.load("cifar10", tmp_path)
    assert not proof.exists()
    assert pickle.loads(pickle.dumps(evil)) == 0 and proof.exists()  # it would have run


@pytest.mark.parametrize("name", ["eval", "getattr", "open", "__import__"])
def test_builtins_are_refused(name, tmp_path):
    (tmp_path / "b").write_bytes(b"c__builtin__\n" + name.encode() + b"\n.")
    with pytest.raises(UsageError, match=f"asks for __builtin__.{name}; only arrays are read"):
        pickled_batches.read(tmp_path / "b")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([{"a": 1}]), "type |O8, not of numbers"),
        (np.zeros(2, "datetime64[s]"), "type <M8, not of numbers"),
        (np.zeros(2, "f4,f4"), "type |V8, not of numbers"),
    ],
)
def test_arrays_of_anything_but_numbers_are_refused(array, reason, tmp_path):
    dump(tmp_path / "b", {"data": array})
    with pytest.raises(UsageError, match=re.escape(reason)):
        pickled_batches.read(tmp_path / "b")


def test_pickles_of_python_2_and_of_every_protocol_are_read(tmp_path):
    rows = pixels("two", 2, 3072)
    text = rows.tobytes()
    python2 = (  # as cPickle of Python 2 wrote it: byte strings, numpy.core
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
        b"K\x00\x85U\x01b\x87R(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + len(text).to_bytes(4, "little") + text + b"tbU\x06labels](K\x01K\x00eu."
    )  # fmt: skip
    (tmp_path / "two").write_bytes(python2)
    images, labels = pickled_batches.batch(tmp_path / "two", "labels", range(2))
    assert np.array_equal(images.reshape(2, -1), rows) and labels.tolist() == [1, 0]
    for protocol in range(2, 5):
        dump(tmp_path / "one", {"data": rows, "labels": [1, 0]}, protocol)
        images, _ = pickled_batches.batch(tmp_path / "one", "labels", range(2))
        assert np.array_equal(images.reshape(2, -1), rows)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([1, 2], "holds a list, not a dict"),
        ({"labels": []}, "has no 'data'"),
        ({"data": np.zeros((2, 3072), np.uint8)}, "has no 'labels'"),
        ({"data": np.zeros((2, 3071), np.uint8), "labels": [0, 0]}, r"is \(2, 3071\) uint8"),
        ({"data": np.zeros((2, 3072)), "labels": [0, 0]}, "float64, but must be"),
        ({"data": "abc", "labels": [0, 0]}, "is a str, but must be"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}, "2 images, but 1 labels"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [0, 10]}, "integers from 0 to 9"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [0, "a"]}, "integers from 0 to 9"),
    ],
)
def test_a_batch_of_another_layout_is_refused(content, reason, tmp_path):
    dump(write_cifar10(tmp_path) / CIFAR10.base_folder / "test_batch", content)
    with pytest.raises(UsageError, match=f"test_batch refused: .*{reason}"):
        datasets.load("cifar10", tmp_path)


def test_truncated_and_missing_batches_are_named(tmp_path):
    path = write_cifar10(tmp_path) / CIFAR10.base_folder / "data_batch_2"
    whole = path.read_bytes()
    for length in (0, 1, 10, 150, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=r"data_batch_2 refused: .*put the published file"):
            datasets.load("cifar10", tmp_path)
    path.unlink()
    with pytest.raises(UsageError, match=r"data_batch_2 cannot be read \(No such file"):
        datasets.load("cifar10", tmp_path)


def test_class_names_must_be_as_many_as_the_classes(tmp_path):
    dump(write_cifar10(tmp_path) / CIFAR10.base_folder / "batches.meta", {"label_names": ["cat"]})
    with pytest.raises(UsageError, match=r"batches.meta refused: .*list of 10 names"):
        datasets.load("cifar10", tmp_path)


@pytest.fixture
def offline(monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.mark.parametrize("source", [CIFAR10, CIFAR100])
def test_cifar_offline_says_what_to_put_where(source, offline, tmp_path):
    with pytest.raises(UsageError, match="no route to host") as raised:
        datasets.load(source.__name__.lower(), tmp_path / "new")
    line = str(raised.value)
    assert source.filename in line and str(tmp_path / "new") in line and "--data-dir" in line
    assert "\n" not in line and list((tmp_path / "new").iterdir()) == []


def test_a_cifar_archive_put_there_by_hand_is_unpacked(offline, tmp_path, monkeypatch):
    write_cifar10(tmp_path / "made")
    archive = tmp_path / "data" / CIFAR10.filename
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "made" / CIFAR10.base_folder, CIFAR10.base_folder)
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    assert len(datasets.load("cifar10", archive.parent).test) == 30
    left = sorted(path.name for path in archive.parent.iterdir())
    assert left == [CIFAR10.base_folder, CIFAR10.filename]
