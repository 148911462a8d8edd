"""Remembers what was computed from a tensor, as long as the tensor stays as it is."""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any

from torch import Tensor


class TensorCache:
    """Remembers the latest few results by the tensor that they were computed from.

    A tensor is known by identity and version: one that was changed in place is a new one. A copy of
    the memory, pickled or deep, begins empty.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: deque[tuple[weakref.ref[Tensor], int, Any]] = deque(maxlen=size)

    def get(self, x: Tensor) -> Any:
        """What was kept for x; None if nothing."""
        for key, version, result in self._kept:
            if key() is x and x._version == version:
                return result
        return None

    def keep(self, x: Tensor, result: Any) -> None:
        """Keep what was computed from x."""
        if not x.is_inference():  # such a tensor has no version
            self._kept.append((weakref.ref(x), x._version, result))

    def __reduce__(self) -> tuple[Any, ...]:
        return TensorCache, (self.size,)
