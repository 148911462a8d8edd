"""Folders of images: what is read from them, and what is refused."""

import numpy as np
import pytest
from dataset_files import by_number, keeps_the_contract, save_image, write_folder
from PIL import Image

from trainables.core.errors import UsageError
from trainables.data import datasets


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "1"])
def test_a_small_folder_keeps_the_contract(mode, tmp_path):
    root = write_folder(tmp_path / "pets", mode)
    keeps_the_contract("folder", root)
    assert datasets.facts("folder", root).title == "pets"
    assert datasets.facts("folder", root).signal_shape == (1 if mode in ("L", "1") else 3, 8, 9)


def test_folder_pixels_and_labels_are_the_files(tmp_path):
    root = write_folder(tmp_path)
    save_image(root / "train" / "dog" / "zebra.PNG", mode="L")  # grey among colour is read as RGB
    (root / "train" / "dog" / ".hidden.png").write_text("no image")
    (root / "train" / "dog" / "notes.txt").write_text("no image")
    (root / "train" / ".cache").mkdir()
    dataset = datasets.load("folder", root)
    assert dataset.classes == ("cat", "dog") and dataset.name == tmp_path.name
    files = [
        *sorted((root / "train" / "cat").glob("[!.]*.png")),
        *sorted((root / "train" / "dog").glob("[!.]*.[pP][nN][gG]")),
        *sorted((root / "test").glob("*/*.png")),
    ]
    found = by_number(dataset)
    assert len(found) == len(files) == 9
    for number, (image, label) in found.items():
        with Image.open(files[number]) as expected:
            assert np.array_equal(image.transpose(1, 2, 0), np.asarray(expected.convert("RGB")))
        assert dataset.classes[label] == files[number].parent.name


def test_folder_facts_tell_other_images_apart(tmp_path):
    first = datasets.facts("folder", write_folder(tmp_path / "a" / "pets"))
    assert datasets.facts("folder", write_folder(tmp_path / "b" / "pets")) == first
    save_image(tmp_path / "b" / "pets" / "test" / "cat" / "more.jpeg")
    other = datasets.facts("folder", tmp_path / "b" / "pets")
    assert other.title == first.title == "pets" and other.content != first.content


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda r: save_image(r / "test/dog/0.png", (9, 10)), r"dog/0.png is 9×10 .*0.png is 9×8"),
        (lambda r: (r / "test/dog/0.png").write_bytes(b"no image"), "dog/0.png cannot be read"),
        (
            lambda r: (r / "train/dog/1.png").write_bytes(
                (r / "train/dog/1.png").read_bytes()[:99]
            ),
            "dog/1.png cannot be read",
        ),
        (lambda r: save_image(r / "train/emu/0.png"), "class 'emu' is in train/, but not in test/"),
        (lambda r: save_image(r / "test/emu/0.png"), "class 'emu' is in test/, but not in train/"),
        (lambda r: (r / "test/dog/0.png").unlink(), "test/dog has no images"),
        (lambda r: save_image(r / "train/cat/0.png", (9, 7)), "0.png is 9×7 .*8 a side"),
        (lambda r: save_image(r / "train/cat/0.png", mode="I;16"), "more than 8 bits"),
        (lambda r: [p.unlink() for p in (r / "train/dog").glob("[12].png")], "'dog' has 1, but"),
    ],
)
def test_folder_names_what_is_wrong(change, reason, tmp_path):
    change(write_folder(tmp_path))
    with pytest.raises(UsageError, match=reason) as raised:
        datasets.load("folder", tmp_path)
    assert "\n" not in str(raised.value)


def test_colour_among_grey_images_is_refused(tmp_path):
    save_image(write_folder(tmp_path, "L") / "train" / "dog" / "1.png")
    with pytest.raises(UsageError, match=r"dog/1.png is a colour image .*cat/0.png is grey"):
        datasets.load("folder", tmp_path)


def test_a_directory_of_another_layout_tells_of_data_dir(tmp_path):
    for missing in ("train", "test"):
        with pytest.raises(UsageError, match=f"no directory {tmp_path}/{missing}: .*--data-dir"):
            datasets.facts("folder", tmp_path)
        (tmp_path / missing).mkdir()
    with pytest.raises(UsageError, match=r"0 class directories, but 2 .*--data-dir"):
        datasets.facts("folder", tmp_path)
