"""`folder`: images of one's own, `train/CLASS/*.png` and `test/CLASS/*.png` in the data directory.

Also `.jpg` and `.jpeg`. All images are of one size. Where the first is grey, all must be; else all
are read as RGB. Hidden files and other extensions are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from trainables.core.config import digest
from trainables.core.errors import UsageError
from trainables.data.dataset import Dataset, Facts
from trainables.data.published_images import published, sizes

SMALLEST_SIDE = 8
_SETS = ("train", "test")
_EXTENSIONS = (".png", ".jpg", ".jpeg")
# What files may be, whatever their names: Pillow would open all formats, and run a program for some.
_FORMATS = ("PNG", "JPEG")
_GREY = ("1", "L")
# What Pillow raises for a file that is not a whole image.
_BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@dataclass(frozen=True)
class _Listing:
    """A folder's classes and its images: for each set a list of (path, class)."""

    name: str
    classes: tuple[str, ...]
    train: list[tuple[Path, int]]
    test: list[tuple[Path, int]]


def facts(root: Path) -> Facts:
    """The folder's name, the first image's shape, the number of classes; no other image is opened.

    `content` is a hash of the images' names and sizes in bytes.

    Raises:
        UsageError: the folder is not laid out as it must be, or its first image is broken.
    """
    listing = _listed(root)
    files = [path for path, _ in listing.train + listing.test]
    content = digest([[path.relative_to(root).as_posix(), path.stat().st_size] for path in files])
    classes = len(listing.classes)
    counted = sizes(classes, len(listing.train), len(listing.test))
    return Facts(listing.name, _shape(files[0]), classes, content, sizes=counted)


def load(root: Path) -> Dataset:
    """The dataset, named as the folder; a tenth of the training images are kept for validation.

    Raises:
        UsageError: the folder is not laid out as it must be, or an image is broken or differs from
            the first in size or colour.
    """
    listing = _listed(root)
    first = listing.train[0][0]
    shape = _shape(first)
    train, test = (
        (
            _read([path for path, _ in files], shape, first),
            np.array([label for _, label in files], dtype=np.int64),
        )
        for files in (listing.train, listing.test)
    )
    return published(listing.name, listing.classes, train, test)


def _listed(root: Path) -> _Listing:
    classes = {which: _class_names(root / which) for which in _SETS}
    for which, other in (("train", "test"), ("test", "train")):
        alone = sorted(set(classes[which]) - set(classes[other]))
        if alone:
            raise UsageError(
                f"{root}: class {alone[0]!r} is in {which}/, but not in {other}/: every class "
                "must be in both"
            )
    names = classes["train"]
    undecoded = [name for name in names if any("\ud800" <= letter <= "\udfff" for letter in name)]
    if undecoded:
        raise UsageError(f"{root}: class {undecoded[0]!r} is no text in UTF-8: rename it")
    if len(names) < 2:
        raise UsageError(
            f"{root / 'train'} has {len(names)} class directories, but 2 are needed at least: name a "
            "directory that has train/CLASS/*.png and test/CLASS/*.png by --data-dir"
        )
    train, test = (
        [(path, label) for label, name in enumerate(names) for path in _files(root / which / name)]
        for which in _SETS
    )
    return _Listing(root.resolve().name or "folder", names, train, test)


def _class_names(directory: Path) -> tuple[str, ...]:
    if not directory.is_dir():
        raise UsageError(
            f"there is no directory {directory}: name a directory that has train/CLASS/*.png and "
            "test/CLASS/*.png by --data-dir"
        )
    return tuple(
        sorted(one.name for one in directory.iterdir() if one.is_dir() and one.name[0] != ".")
    )


def _files(directory: Path) -> list[Path]:
    files = sorted(
        path
        for path in directory.iterdir()
        if path.suffix.lower() in _EXTENSIONS and path.name[0] != "." and path.is_file()
    )
    if not files:
        raise UsageError(
            f"{directory} has no images ({', '.join(_EXTENSIONS)}): put some there, or remove the "
            "class from train/ and test/"
        )
    return files


def _shape(path: Path) -> tuple[int, int, int]:
    """(C, H, W) of an image, from its header."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            (width, height), channels = image.size, _channels(path, image)
    except UsageError:
        raise
    except _BROKEN as error:
        raise _broken(path, error) from error
    if min(width, height) < SMALLEST_SIDE:
        raise UsageError(
            f"{path} is {width}×{height} pixels, but {SMALLEST_SIDE} a side are needed at least: "
            "give larger images"
        )
    return channels, height, width


def _channels(path: Path, image: Image.Image) -> int:
    if image.mode[0] in "IF":
        raise UsageError(
            f"{path} has more than 8 bits a channel (Pillow's mode {image.mode}): save the images "
            "with 8"
        )
    return 1 if image.mode in _GREY else 3


def _read(paths: list[Path], shape: tuple[int, int, int], first: Path) -> np.ndarray:
    """The images (N, C, H, W), uint8; `shape` is the first image's."""
    channels, height, width = shape
    pixels = np.empty((len(paths), height, width, channels), dtype=np.uint8)
    for row, path in zip(pixels, paths, strict=True):
        try:
            with Image.open(path, formats=_FORMATS) as image:
                _compare(path, image, shape, first)
                converted = image.convert("L" if channels == 1 else "RGB")
        except UsageError:
            raise
        except _BROKEN as error:
            raise _broken(path, error) from error
        row[:] = np.asarray(converted).reshape(row.shape)
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def _compare(path: Path, image: Image.Image, shape: tuple[int, int, int], first: Path) -> None:
    channels, height, width = shape
    if image.size != (width, height):
        given = "×".join(map(str, image.size))
        raise UsageError(
            f"{path} is {given} pixels, but {first} is {width}×{height}: all images must be of one "
            "size"
        )
    if _channels(path, image) > channels:
        raise UsageError(
            f"{path} is a colour image (mode {image.mode}), but {first} is grey: save all in grey, "
            "or all in colour"
        )


def _broken(path: Path, error: Exception) -> UsageError:
    reason = (str(error) or type(error).__name__).split("\n")[0]
    return UsageError(f"{path} cannot be read as an image ({reason}): mend it or remove it")
