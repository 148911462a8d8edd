"""Networks made ready to be evaluated: weights in the precision asked for, graphs frozen where told.

A frozen graph (TorchScript) has its constants folded, batch normalisation among them, its weights laid
out for the CPU's kernels and its pointwise operations fused. It takes a second or so to make.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from trainables.models.base import Classifier, Denoiser, Encoding, LogitDenoiser, SignalDenoiser
from trainables.models.images.classifier import FrozenClassifier
from trainables.models.tensor_cache import TensorCache

_WARM_UP = 3  # runs after which TorchScript has specialised a graph to shapes


class Prepared:
    """A function of tensors as it is run at evaluation; `plain` is the same, operation by operation.

    Args:
        network: what computes it, in evaluation mode.
        dtype: what inputs are cast to; None where they are left as they are.
        frozen: whether to run it as a frozen graph.
        restore: whether the output is to be float32 again.
    """

    def __init__(
        self, network: nn.Module, dtype: torch.dtype | None, frozen: bool, restore: bool = True
    ) -> None:
        self._network, self._dtype, self._frozen, self._restore = network, dtype, frozen, restore
        self._graph: Callable[..., Any] | None = None
        self._seen: set[Any] = set()

    def __call__(self, *inputs: Any) -> Any:
        cast = _cast(inputs, self._dtype)
        output = self._ready(cast)(*cast) if self._frozen else self._network(*cast)
        return output.float() if self._restore else output

    def plain(self, *inputs: Any) -> Any:
        """The same without a graph, whose operations can be counted."""
        output = self._network(*_cast(inputs, self._dtype))
        return output.float() if self._restore else output

    def _ready(self, inputs: tuple[Any, ...]) -> Callable[..., Any]:
        """The graph, made at the first call and specialised to every new shape before it is used, so
        that a call gives the same bits whatever came before it.
        """
        if self._graph is None:
            self._graph = _frozen(self._network, inputs)
        shapes = _map(inputs, lambda value: tuple(value.shape))
        if repr(shapes) not in self._seen:
            self._seen.add(repr(shapes))
            for _ in range(_WARM_UP):
                self._graph(*inputs)
        return self._graph


class PreparedSignal(SignalDenoiser):
    """A signal denoiser made ready for a device."""

    def __init__(self, network: SignalDenoiser, dtype: torch.dtype, frozen: bool) -> None:
        super().__init__()
        self._times = network.encode_time
        self._network = _copied(network, dtype)
        self._dtype = _given(network, dtype)
        self._forward = Prepared(self._network, self._dtype, frozen)

    def encode_corrupted(self, x_cor: Tensor) -> Encoding:
        return self._network.encode_corrupted(_cast(x_cor, self._dtype))

    def encode_time(self, t: Tensor) -> Tensor:
        return self._times(t)

    def encode_logits(self, y: Tensor | None, batch: int) -> Encoding:
        return self._network.encode_logits(None if y is None else _cast(y, self._dtype), batch)

    def forward(self, x_t: Tensor, time: Tensor, corrupted: Encoding, logits: Encoding) -> Tensor:
        output: Tensor = self._forward(x_t, time, corrupted, logits)
        return output

    def plain(self, *inputs: object) -> Tensor:
        """The same without a graph."""
        output: Tensor = self._forward.plain(*inputs)
        return output


class PreparedLogit(LogitDenoiser):
    """A logit denoiser made ready for a device."""

    def __init__(self, network: LogitDenoiser, dtype: torch.dtype, frozen: bool) -> None:
        super().__init__()
        self._times = network.encode_time
        self._network, given = _copied(network, dtype), _given(network, dtype)
        self._forward = Prepared(self._network, given, frozen)
        self._encode = Prepared(_Encoder(self._network).eval(), given, frozen, restore=False)
        self.plain_encode_signals = self._encode.plain

    def encode_time(self, t: Tensor) -> Tensor:
        return self._times(t)

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> Encoding:
        given = (x, y_of_x, x_cor) if y_cor is None else (x, y_of_x, x_cor, y_cor)
        return self._encode(*given)

    def forward(self, y_t: Tensor, time: Tensor, signals: Encoding) -> Tensor:
        output: Tensor = self._forward(y_t, time, signals)
        return output

    def plain(self, *inputs: object) -> Tensor:
        """The same without a graph."""
        output: Tensor = self._forward.plain(*inputs)
        return output


class PreparedClassifier:
    """A frozen classifier made ready: images (B, C, H, W) to standardised logits (B, K), float32."""

    def __init__(self, classifier: FrozenClassifier, dtype: torch.dtype, frozen: bool) -> None:
        self._scale = classifier.scale
        self._forward = Prepared(_copied(classifier.network, dtype), dtype, frozen)

    def __call__(self, x: Tensor) -> Tensor:
        return self._scale.standardised(self._forward(x))

    def plain(self, x: Tensor) -> Tensor:
        """The same without a graph."""
        return self._scale.standardised(self._forward.plain(x))


class LogitOfFeatures(LogitDenoiser):
    """A logit denoiser that is given signals themselves, and is shown what the classifier shows of them.

    Args:
        denoiser: what denoises.
        classifier: frozen; one that encodes signals to classify them remembers the encodings.
    """

    def __init__(self, denoiser: PreparedLogit, classifier: Classifier) -> None:
        super().__init__()
        self._denoiser, self._classifier = denoiser, (classifier,)
        self._of_corrupted = TensorCache(1)

    def encode_time(self, t: Tensor) -> Tensor:
        return self._denoiser.encode_time(t)

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> Encoding:
        """The encoding of x and x_cor (B, *signal shape) and y_of_x; y_cor is f(x_cor)."""
        (classifier,) = self._classifier
        known = self._of_corrupted.get(x_cor)
        if known is None:
            if y_cor is None:
                y_cor = y_of_x if x is x_cor else classifier(x_cor)
            known = classifier.evidence(x_cor), y_cor
            self._of_corrupted.keep(x_cor, known)
        return self._denoiser.encode_signals(classifier.evidence(x), y_of_x, *known)

    def forward(self, y_t: Tensor, time: Tensor, signals: Encoding) -> Tensor:
        output: Tensor = self._denoiser(y_t, time, signals)
        return output

    def plain(self, *inputs: object) -> Tensor:
        """The same without a graph."""
        return self._denoiser.plain(*inputs)


class _Encoder(nn.Module):
    """The encoding of signals as a module of its own."""

    def __init__(self, network: LogitDenoiser) -> None:
        super().__init__()
        self.network = network

    def forward(self, *signals: Tensor) -> Encoding:
        return self.network.encode_signals(*signals)


def _copied(network: Any, dtype: torch.dtype) -> Any:
    """The network itself in float32; in another precision a copy, since time is encoded in float32."""
    if dtype == torch.float32:
        return network
    copied = copy.deepcopy(network)
    exact = {id(tensor) for module in _exact(copied) for tensor in _tensors(module)}
    for tensor in _tensors(copied):
        if id(tensor) not in exact and tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)
    return copied


def _given(network: Denoiser, dtype: torch.dtype) -> torch.dtype | None:
    """What a denoiser's inputs are cast to before it is given them, if at all."""
    return None if _exact(network) else dtype


def _exact(network: nn.Module) -> list[nn.Module]:
    return list(network.exact()) if isinstance(network, Denoiser) else []


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _cast(values: Any, dtype: torch.dtype | None) -> Any:
    """Nested tensors in a type; as they are where it is None."""
    return values if dtype is None else _map(values, lambda value: value.to(dtype))


def _frozen(network: nn.Module, inputs: tuple[Any, ...]) -> Callable[..., Any]:
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is kept as it is and says so at every use
        graph = torch.jit.trace(network, inputs, check_trace=False)
        return torch.jit.optimize_for_inference(torch.jit.freeze(graph))


def _map(values: Any, of: Callable[[Tensor], Any]) -> Any:
    """Nested lists and tuples, named ones too, with every tensor replaced."""
    if isinstance(values, Tensor):
        return of(values)
    mapped = [_map(value, of) for value in values]
    return type(values)(*mapped) if hasattr(values, "_fields") else type(values)(mapped)
