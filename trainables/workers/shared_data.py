"""Data in Ray's store of objects: each node has one copy, which all of its workers read where it lies."""

from __future__ import annotations

import io
import pickle
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import ray
import torch
from torch import Tensor

from trainables.data.dataset import Dataset

_Layout = tuple[
    int, tuple[int, ...], tuple[int, ...]
]  # which array, and the tensor's shape and strides


@dataclass(frozen=True)
class SharedData:
    """A dataset in the store, which may be sent to workers.

    Args:
        content: the reference to it, which Ray counts: the store keeps it as long as somebody has one.
    """

    content: ray.ObjectRef[Any] = field(repr=False)

    def dataset(self) -> Dataset:
        """The dataset, whose tensors lie in the memory of the node's store: they must not be written to.

        Raises:
            RayError: it is lost, with the process that put it there.
        """
        outline, arrays = ray.get(self.content)
        value: Dataset = _Reader(io.BytesIO(outline), arrays).load()
        return value


def share(dataset: Dataset) -> SharedData:
    """Put a dataset into the store. It lasts as long as this process."""
    outline = io.BytesIO()
    writer = _Writer(outline)
    writer.dump(dataset)
    return SharedData(ray.put((outline.getvalue(), writer.arrays)))


class _Writer(pickle.Pickler):
    """Pickles a dataset but for its tensors, which become flat arrays: Ray copies arrays into the store, and
    hands them out in place; tensors it would copy for each worker.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.arrays: list[np.ndarray] = []

    def persistent_id(self, value: object) -> _Layout | None:
        """What stands for a tensor; None for anything else."""
        if not isinstance(value, Tensor):
            return None
        whole = value.untyped_storage().nbytes() == value.nbytes
        dense = value if whole else value.clone()  # of a part of a larger one, the part alone
        self.arrays.append(dense.as_strided((dense.numel(),), (1,), 0).numpy())
        return len(self.arrays) - 1, tuple(dense.shape), dense.stride()


class _Reader(pickle.Unpickler):
    """Reads what `_Writer` has written, with tensors on the arrays as they lie."""

    def __init__(self, file: io.BytesIO, arrays: list[np.ndarray]) -> None:
        super().__init__(file)
        self._arrays = arrays

    def persistent_load(self, layout: Any) -> Tensor:
        """The tensor that a layout stands for."""
        number, shape, strides = layout
        with warnings.catch_warnings():
            # Torch has no tensors that are only read, and warns of it.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            return torch.from_numpy(self._arrays[number]).as_strided(shape, strides)
