"""A network's calls as CUDA graphs: the GPU is sent one graph a call, not each operation by itself.

That pays where the operations are so short that sending them takes longer than computing them. A graph is
captured for every set of shapes, from static copies of the inputs; a call copies its inputs into these,
replays the graph, and copies the output out of it, which the next replay overwrites.

Written by the book (PyTorch's notes on CUDA graphs) and not tried yet, as no GPU was at hand: what
`tests/test_on_cuda.py` says of it on one decides. On a device of another kind calls are plain.
"""

from __future__ import annotations

import warnings
import weakref

import torch
from torch import Tensor, nn

from trainables.models.base import Encoding, mapped

_GRAPHS_ON = "cuda"
_WARM_UP = 3  # calls before a capture, in which libraries choose their kernels and allocate


class CaptureWarning(UserWarning):
    """A network could not be captured, and is run operation by operation."""


class CapturedNetwork:
    """A network that is run as CUDA graphs; where one cannot be captured it is run operation by operation,
    and why is told once, by a `CaptureWarning`.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._graphs: dict[str, _Graph | None] = {}

    def __call__(self, *inputs: Encoding) -> Encoding:
        device = _tensors(inputs)[0].device
        if device.type != _GRAPHS_ON:
            return self._network(*inputs)
        key = repr(mapped(inputs, lambda value: (tuple(value.shape), value.dtype)))
        if key not in self._graphs:
            self._graphs[key] = self._captured(inputs)
        graph = self._graphs[key]
        return self._network(*inputs) if graph is None else graph(inputs)

    def _captured(self, inputs: tuple[Encoding, ...]) -> _Graph | None:
        try:
            return _Graph(self._network, inputs)
        except RuntimeError as error:  # of CUDA: an operation that cannot be captured, no memory
            reason = str(error).strip().split("\n")[0]
            warnings.warn(
                f"{type(self._network).__name__} is run operation by operation, as it cannot be captured "
                f"as a CUDA graph: {reason}",
                CaptureWarning,
                stacklevel=2,
            )
            return None


class _Graph:
    """A captured call for inputs of certain shapes."""

    def __init__(self, network: nn.Module, inputs: tuple[Encoding, ...]) -> None:
        self._inputs: tuple[Encoding, ...] = mapped(inputs, torch.clone)
        self._copied: list[tuple[weakref.ref[Tensor], int] | None] = [None] * len(_tensors(inputs))
        with torch.no_grad():
            beside, present = torch.cuda.Stream(), torch.cuda.current_stream()
            beside.wait_stream(present)
            with torch.cuda.stream(beside):
                for _ in range(_WARM_UP):
                    network(*self._inputs)
            present.wait_stream(beside)
            self._graph = torch.cuda.CUDAGraph()
            # Other threads may send the GPU the next batch meanwhile.
            with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._output: Encoding = network(*self._inputs)

    @torch.no_grad()
    def __call__(self, inputs: tuple[Encoding, ...]) -> Encoding:
        for number, (kept, given) in enumerate(
            zip(_tensors(self._inputs), _tensors(inputs), strict=True)
        ):
            if not self._has(number, given):
                kept.copy_(given)
                self._keep(number, given)
        self._graph.replay()
        return mapped(self._output, torch.clone)

    def _has(self, number: int, given: Tensor) -> bool:
        """Whether an input is the tensor that was copied last, unchanged, as conditions often are."""
        copied = self._copied[number]
        return copied is not None and copied[0]() is given and copied[1] == given._version

    def _keep(self, number: int, given: Tensor) -> None:
        """Remember which tensor was copied; an inference tensor has no version to know it by."""
        known = None if given.is_inference() else (weakref.ref(given), given._version)
        self._copied[number] = known


def _tensors(values: Encoding) -> list[Tensor]:
    """The tensors of nested lists and tuples, in order."""
    found: list[Tensor] = []
    mapped(values, found.append)
    return found
