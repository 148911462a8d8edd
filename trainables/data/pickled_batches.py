"""Published batches that are Python pickles, read without running any code that a pickle names."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainables.core.errors import UsageError

SHAPE = (3, 32, 32)
"""Shape of an image in a batch, whose rows list it channel by channel."""

_DTYPE = re.compile("[biuf][1248]")
# Exceptions that unpickling raises for bytes that are not a pickle of arrays.
_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
)


@dataclass
class _Dtype:
    """Stands for a numpy dtype, which a pickle may not alter: forged flags make numpy unsafe."""

    code: str
    order: str = "|"

    def __setstate__(self, state: Any) -> None:  # a forged pickle may hold anything
        self.order = state[1]

    def numpy(self) -> np.dtype:
        """The numpy type, if it is one of numbers.

        Raises:
            ValueError: it is another type.
        """
        if not _DTYPE.fullmatch(self.code) or self.order not in ("|", "<", ">"):
            raise ValueError(f"it has an array of type {self.order}{self.code}, not of numbers")
        return np.dtype(self.order + self.code)


@dataclass
class _Array:
    """Stands for a numpy array in a pickle; `values` is the array once its bytes are read."""

    values: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        content = raw.encode("latin1") if isinstance(raw, str) else raw
        flat = np.frombuffer(content, dtype.numpy())
        self.values = flat.reshape(shape, order="F" if fortran else "C")


class _ArraysOnly(pickle.Unpickler):
    """An unpickler of numpy arrays, which refuses every other class and function.

    It replaces numpy's classes by stand-ins, so neither numpy's own unpickling nor any codec runs.
    """

    def find_class(self, module: str, name: str) -> object:
        """The stand-in of a class or function that the pickle names.

        Raises:
            pickle.UnpicklingError: it is no part of a numpy array.
        """
        stand_ins = {
            "numpy.core.multiarray._reconstruct": self._array,  # before numpy 2
            "numpy._core.multiarray._reconstruct": self._array,
            "numpy.ndarray": "ndarray",
            "numpy.dtype": self._dtype,
            "_codecs.encode": self._encode,
        }
        full_name = f"{module}.{name}"
        if full_name not in stand_ins:
            raise pickle.UnpicklingError(f"it asks for {full_name}; only arrays are read")
        return stand_ins[full_name]

    def _array(self, *_: object) -> _Array:
        return _Array()

    def _dtype(self, code: str, *_: object) -> _Dtype:
        return _Dtype(code)

    def _encode(self, text: str, codec: str) -> bytes:
        if codec not in ("latin1", "latin-1"):
            raise ValueError(f"it has bytes written as {codec}, not as latin1")
        return text.encode("latin1")


def read(path: Path, *keys: str) -> dict[str, object]:
    """The dict with these keys that is pickled in a file, of plain Python values and numpy arrays.

    Text of Python 2 is read as Latin-1.

    Raises:
        UsageError: the file cannot be read, is broken, asks for anything but arrays, or is not a
            dict with these keys.
    """
    try:
        with path.open("rb") as file:
            content = _ArraysOnly(file, encoding="latin1").load()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror or error}): put the published file there"
        ) from error
    except _BROKEN as error:
        raise refused(path, str(error) or type(error).__name__) from error
    if not isinstance(content, dict):
        raise refused(path, f"it holds a {type(content).__name__}, not a dict")
    content = {
        key: value.values if isinstance(value, _Array) else value for key, value in content.items()
    }
    missing = [key for key in keys if key not in content]
    if missing:
        raise refused(path, f"it has no {missing[0]!r}")
    return content


def batch(path: Path, labels: str, allowed: range) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) uint8 and labels (N,) int64 of a pickled batch.

    Args:
        path: the pickle.
        labels: the key of the labels.
        allowed: the values that labels may have.

    Raises:
        UsageError: the file is not such a batch; see `read`.
    """
    content = read(path, "data", labels)
    rows, numbers = content["data"], content[labels]
    width = int(np.prod(SHAPE))
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.shape[1:] != (width,):
        raise refused(path, f"its 'data' is {_kind(rows)}, but must be (N, {width}) uint8")
    if not isinstance(numbers, list) or not all(type(n) is int and n in allowed for n in numbers):
        raise refused(
            path, f"its {labels!r} must be a list of integers from {allowed.start} to {allowed[-1]}"
        )
    if len(numbers) != len(rows):
        raise refused(path, f"it has {len(rows)} images, but {len(numbers)} labels")
    return rows.reshape(-1, *SHAPE), np.array(numbers, dtype=np.int64)


def refused(path: Path, reason: str) -> UsageError:
    """The error for a file that is not the published one."""
    line = " ".join(reason.split())
    return UsageError(f"{path} refused: {line}: put the published file in its place")


def _kind(value: object) -> str:
    """Shape and type of an array, or the type of another value, for messages."""
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype}"
    return f"a {type(value).__name__}"
