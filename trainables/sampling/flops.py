"""The FLOPs of whatever a function computes, by torch's formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch.utils._python_dispatch import TorchDispatchMode

Result = TypeVar("Result")


class _Counter(TorchDispatchMode):
    """Adds up the FLOPs of the operations that run within it, as `torch.utils.flop_counter.FlopCounterMode`
    does.

    That one tells its compiler not to look into it, for which torch loads the compiler: three seconds in
    every process that samples. Nothing is compiled where FLOPs are counted.
    """

    def __init__(self) -> None:
        super().__init__()
        from torch.utils.flop_counter import flop_registry  # loads triton, where there is one

        self._formulas, self.flops = flop_registry, 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(
        self,
        operation: Any,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        formula = self._formulas.get(operation._overloadpacket)
        if formula is None:
            with self:
                composed = operation.decompose(*args, **named)
            return operation(*args, **named) if composed is NotImplemented else composed
        output = operation(*args, **named)
        self.flops += formula(*args, **named, out_val=output)
        return output


def result_and_flops(
    function: Callable[..., Result], inputs: tuple[object, ...]
) -> tuple[Result, float]:
    """The function's result for these inputs, and the FLOPs it took."""
    with _Counter() as counter:
        result = function(*inputs)
    return result, float(counter.flops)
