"""Counts what sampling costs: calls of each network per sample, and FLOPs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

Result = TypeVar("Result")


@dataclass(frozen=True)
class MeterReading:
    """What was spent: calls of each network, FLOPs and seconds, of all samples."""

    calls: Counter[str] = field(default_factory=Counter)
    flops: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: MeterReading) -> MeterReading:
        return MeterReading(
            self.calls + other.calls, self.flops + other.flops, self.seconds + other.seconds
        )

    def __sub__(self, other: MeterReading) -> MeterReading:
        return MeterReading(
            self.calls - other.calls, self.flops - other.flops, self.seconds - other.seconds
        )


@runtime_checkable
class Graph(Protocol):
    """Work whose operations are hidden, and the same operation by operation."""

    def plain(self, *inputs: object) -> object:
        """The same without a graph, whose operations can be counted."""


def _counted(work: Callable[..., Result], inputs: tuple[object, ...]) -> tuple[Result, float]:
    """What work gives, and its FLOPs."""
    with FlopCounterMode(display=False) as counter:
        result = work(*inputs)
    return result, float(counter.get_total_flops())


class Meter:
    """Every network call of the engine passes through `call`.

    `nfe` counts calls of a whole network ("signal", "logit", "classifier") as the paper does; FLOPs
    are those of everything executed, encodings of conditions included. FLOPs of a piece of work are
    measured the first time that shapes of its kind come by, and reused for the next. A `Graph` is
    measured by its `plain`: a frozen graph hides its operations.
    """

    def __init__(self) -> None:
        self._flops_of: dict[tuple[object, ...], float] = {}
        self.reset()

    def reset(self) -> None:
        """Forget all counts, keep what is known of the cost of a call."""
        self.calls: Counter[str] = Counter()
        self.flops = 0.0
        self.seconds = 0.0

    def call(
        self,
        name: str,
        work: Callable[..., Result],
        *inputs: object,
        batch: int,
        counted: bool = True,
        plain: Callable[..., object] | None = None,
    ) -> Result:
        """Run `work(*inputs)` for `batch` samples; count a call of network `name` if `counted`.

        FLOPs are those of `plain(*inputs)`, of `work.plain` where there is one, else of the work.
        """
        shapes = tuple(tuple(x.shape) if isinstance(x, Tensor) else type(x) for x in inputs)
        key = (name, counted, *shapes)
        if plain is None and isinstance(work, Graph):
            plain = work.plain
        if key in self._flops_of:
            result = work(*inputs)
        elif plain is None:
            result, self._flops_of[key] = _counted(work, inputs)
        else:
            result = work(*inputs)
            self._flops_of[key] = _counted(plain, inputs)[1]
        self.flops += self._flops_of[key]
        if counted:
            self.count(name, batch)
        return result

    def count(self, name: str, batch: int) -> None:
        """Count a call of network `name` whose answer is known already."""
        self.calls[name] += batch

    def spent(self) -> MeterReading:
        """What was spent since the last reset; seconds are those added alone."""
        return MeterReading(Counter(self.calls), self.flops, self.seconds)

    def add(self, spent: MeterReading) -> None:
        """Count what was spent elsewhere, or earlier."""
        self.calls.update(spent.calls)
        self.flops += spent.flops
        self.seconds += spent.seconds
