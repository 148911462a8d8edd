"""The meter of what sampling costs: calls of each network, FLOPs and seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

from torch import Tensor

from trainables.sampling.flops import result_and_flops
from trainables.task.members import RETRAINED

Result = TypeVar("Result")


@dataclass(frozen=True)
class MeterReading:
    """What sampling cost: calls of each network, FLOPs and seconds, summed over all samples."""

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


def classifier_calls(calls: Mapping[str, int]) -> int:
    """The calls of any classifier, the frozen one's and the retrained ones', among those of all networks."""
    return calls.get("classifier", 0) + calls.get(RETRAINED, 0)


@runtime_checkable
class Graph(Protocol):
    """A frozen graph: a function whose operations cannot be counted, with a plain form of it."""

    def plain(self, *inputs: object) -> object:
        """The same function without a graph, so that its operations can be counted."""


class Meter:
    """Counts every network call of the engine; each passes through `call`.

    Calls are those of a whole network ("signal", "logit", "classifier"), as the paper counts them;
    "retrained", those of all classifiers that were trained on corrupted signals; "label", those of the label
    diffusion's network, one for each label that it is given; and "gradient", each a forward and a backward
    pass of a classifier that guides.
    FLOPs are those of everything executed, encodings of conditions included; they are measured the
    first time that a function gets inputs of certain shapes, and looked up after that. A `Graph` is
    measured by its `plain`, since a frozen graph hides its operations.

    Attributes:
        calls: calls of each network since the last reset, one for each sample of a batch.
        flops: FLOPs since the last reset.
        seconds: seconds since the last reset that were added by `add`; the meter has no clock.
    """

    def __init__(self) -> None:
        self._flops_by_shapes: dict[tuple[object, ...], float] = {}
        self.reset()

    def reset(self) -> None:
        """Set all counts to zero; the measured FLOPs of a call are kept."""
        self.calls: Counter[str] = Counter()
        self.flops = 0.0
        self.seconds = 0.0

    def call(
        self,
        name: str,
        function: Callable[..., Result],
        *inputs: object,
        batch: int,
        is_network_call: bool = True,
        plain: Callable[..., object] | None = None,
    ) -> Result:
        """Run `function(*inputs)` and count its FLOPs, and a call of network `name` for each sample.

        Args:
            name: the network that the function belongs to.
            function: what is run.
            inputs: what the function is called with.
            batch: the number of samples.
            is_network_call: False where the function is part of a network, such as an encoder, so
                that only its FLOPs count.
            plain: the function whose FLOPs count; by default `function.plain` where the function is
                a `Graph`, else the function.
        """
        shapes = tuple(tuple(x.shape) if isinstance(x, Tensor) else type(x) for x in inputs)
        key = (name, is_network_call, *shapes)
        if plain is None and isinstance(function, Graph):
            plain = function.plain
        if key in self._flops_by_shapes:
            result = function(*inputs)
        elif plain is None:
            result, self._flops_by_shapes[key] = result_and_flops(function, inputs)
        else:
            result = function(*inputs)
            self._flops_by_shapes[key] = result_and_flops(plain, inputs)[1]
        self.flops += self._flops_by_shapes[key]
        if is_network_call:
            self.count(name, batch)
        return result

    def count(self, name: str, batch: int) -> None:
        """Count a call of network `name`, for `batch` samples, whose output was computed before."""
        self.calls[name] += batch

    def reading(self) -> MeterReading:
        """The counts since the last reset."""
        return MeterReading(Counter(self.calls), self.flops, self.seconds)

    def add(self, reading: MeterReading) -> None:
        """Add what another meter counted, or what this one counted earlier."""
        self.calls.update(reading.calls)
        self.flops += reading.flops
        self.seconds += reading.seconds
