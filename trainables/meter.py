"""Counts what sampling costs: calls of each network per sample, and FLOPs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

Result = TypeVar("Result")


class Meter:
    """Every network call of the engine passes through `call`.

    `nfe` counts calls of a whole network ("signal", "logit", "classifier") as the paper does; FLOPs
    are those of everything executed, encodings of conditions included. FLOPs of a piece of work are
    measured the first time that shapes of its kind come by and reused for the next.
    """

    def __init__(self) -> None:
        self._flops_of: dict[tuple[object, ...], float] = {}
        self.reset()

    def reset(self) -> None:
        """Forget all counts, keep what is known of the cost of a call."""
        self.calls: Counter[str] = Counter()
        self.flops = 0.0

    def call(
        self,
        name: str,
        work: Callable[..., Result],
        *inputs: object,
        batch: int,
        counted: bool = True,
    ) -> Result:
        """Run `work(*inputs)` for `batch` samples; count a call of network `name` if `counted`."""
        shapes = tuple(tuple(x.shape) if isinstance(x, Tensor) else type(x) for x in inputs)
        key = (name, counted, *shapes)
        if key in self._flops_of:
            result = work(*inputs)
        else:
            with FlopCounterMode(display=False) as counter:
                result = work(*inputs)
            self._flops_of[key] = float(counter.get_total_flops())
        self.flops += self._flops_of[key]
        if counted:
            self.calls[name] += batch
        return result
