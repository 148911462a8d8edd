"""A cache of results that were computed from a tensor, valid as long as the tensor is not changed."""

from __future__ import annotations

import weakref
from collections import deque
from typing import Generic, TypeVar

from torch import Tensor

Result = TypeVar("Result")


class TensorCache(Generic[Result]):
    """The latest `size` results, by the tensors that they were computed from.

    Tensors are compared by identity and version: after a change in place a tensor is a new one. A copy
    of the cache, pickled or deep, is empty.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._entries: deque[tuple[weakref.ref[Tensor], int, Result]] = deque(maxlen=size)

    def get(self, x: Tensor) -> Result | None:
        """The result that was computed from x; None if the cache has none."""
        for key, version, result in self._entries:
            if key() is x and x._version == version:
                return result
        return None

    def keep(self, x: Tensor, result: Result) -> None:
        """Keep the result that was computed from x."""
        if not x.is_inference():  # an inference tensor has no version
            self._entries.append((weakref.ref(x), x._version, result))

    def __reduce__(self) -> tuple[type[TensorCache[Result]], tuple[int]]:
        return TensorCache, (self.size,)
