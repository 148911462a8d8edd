"""Networks prepared for evaluation: weights cast to a precision, computation by one path of `RunPath`.

A frozen graph (TorchScript) has its constants folded, batch normalisation among them, its weights laid
out for the CPU's kernels and its pointwise operations fused. Making one takes about a second.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from trainables.models.base import (
    Denoiser,
    Encoding,
    LogitDenoiser,
    SignalDenoiser,
    mapped,
)
from trainables.models.captured import CapturedNetwork
from trainables.models.images.classifier import FrozenClassifier
from trainables.models.images.didirn import DiDiRN, ImageEncoding
from trainables.models.images.noisy_classifier import NoisyClassifier
from trainables.models.run_paths import RunPath, laid_out

_WARM_UP = 3  # runs after which TorchScript has specialised a graph to shapes

Network = TypeVar("Network", bound=nn.Module)


class Prepared:
    """A network as it is run at evaluation; its inputs and output are nested tensors.

    Args:
        network: computes the output, in evaluation mode.
        dtype: the type that inputs are cast to; None leaves them as they are.
        path: how the network is run; it must be laid out for it.
        restore: whether to cast the output, a tensor, to float32.
    """

    def __init__(
        self, network: nn.Module, dtype: torch.dtype | None, path: RunPath, restore: bool = True
    ) -> None:
        self._network, self._dtype, self._path, self._restore = network, dtype, path, restore
        self._graph: Callable[..., Encoding] | None = None
        self._shapes: set[str] = set()
        self._captured = CapturedNetwork(network)

    def __call__(self, *inputs: Encoding) -> Encoding:
        inputs = self._laid_out(inputs)
        output = self._run_of(inputs)(*inputs)
        return output.float() if self._restore else output

    def plain(self, *inputs: Encoding) -> Encoding:
        """The output without a frozen graph, so that operations can be counted."""
        output = self._network(*self._laid_out(inputs))
        return output.float() if self._restore else output

    def _laid_out(self, inputs: tuple[Encoding, ...]) -> tuple[Encoding, ...]:
        """The inputs, cast and laid out for the path."""
        inputs = _cast(inputs, self._dtype)
        return mapped(inputs, laid_out) if self._path is RunPath.CHANNELS_LAST else inputs

    def _run_of(self, inputs: tuple[Encoding, ...]) -> Callable[..., Encoding]:
        """What computes the output by the path."""
        if self._path is RunPath.FROZEN:
            return self._graph_of(inputs)
        return self._captured if self._path is RunPath.CAPTURED else self._network

    def _graph_of(self, inputs: tuple[Encoding, ...]) -> Callable[..., Encoding]:
        """The frozen graph, made at the first call and specialised to every new shape before it is
        used, so that a call gives the same bits whatever calls came before it.
        """
        if self._graph is None:
            self._graph = _freeze(self._network, inputs)
        shapes = mapped(inputs, lambda value: tuple(value.shape))
        if repr(shapes) not in self._shapes:
            self._shapes.add(repr(shapes))
            for _ in range(_WARM_UP):
                self._graph(*inputs)
        return self._graph


class PreparedSignal(SignalDenoiser):
    """A signal denoiser prepared for evaluation."""

    def __init__(self, network: SignalDenoiser, dtype: torch.dtype, path: RunPath) -> None:
        super().__init__()
        self._encode_time = network.encode_time
        self._network = _prepared_copy(network, dtype, path)
        self._dtype = _input_dtype(network, dtype)
        self._forward = Prepared(self._network, self._dtype, path)

    def encode_corrupted(self, x_cor: Tensor) -> Encoding:
        return self._network.encode_corrupted(_cast(x_cor, self._dtype))

    def encode_time(self, t: Tensor) -> Tensor:
        return self._encode_time(t)

    def encode_logits(self, y: Tensor | None, batch: int) -> Encoding:
        return self._network.encode_logits(None if y is None else _cast(y, self._dtype), batch)

    def forward(self, x_t: Tensor, time: Tensor, corrupted: Encoding, logits: Encoding) -> Tensor:
        output: Tensor = self._forward(x_t, time, corrupted, logits)
        return output

    def plain(self, *inputs: object) -> Tensor:
        """The output of `forward` without a frozen graph."""
        output: Tensor = self._forward.plain(*inputs)
        return output


class PreparedLogit(LogitDenoiser):
    """A logit denoiser prepared for evaluation."""

    def __init__(self, network: LogitDenoiser, dtype: torch.dtype, path: RunPath) -> None:
        super().__init__()
        self._encode_time = network.encode_time
        self._network, dtype_in = _prepared_copy(network, dtype, path), _input_dtype(network, dtype)
        self._forward = Prepared(self._network, dtype_in, path)
        self._encode = Prepared(_Encoder(self._network).eval(), dtype_in, path, restore=False)

    def encode_time(self, t: Tensor) -> Tensor:
        return self._encode_time(t)

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> Encoding:
        conditions = (x, y_of_x, x_cor) if y_cor is None else (x, y_of_x, x_cor, y_cor)
        return self._encode(*conditions)

    def plain_encode_signals(self, *conditions: Tensor) -> Encoding:
        """The encoding of `encode_signals` without a frozen graph."""
        return self._encode.plain(*conditions)

    def forward(self, y_t: Tensor, time: Tensor, signals: Encoding) -> Tensor:
        output: Tensor = self._forward(y_t, time, signals)
        return output

    def plain(self, *inputs: object) -> Tensor:
        """The output of `forward` without a frozen graph."""
        output: Tensor = self._forward.plain(*inputs)
        return output


class PreparedClassifier:
    """A frozen classifier prepared for evaluation: images (B, C, H, W) to float32 logits (B, K)."""

    def __init__(self, classifier: FrozenClassifier, dtype: torch.dtype, path: RunPath) -> None:
        self._scale = classifier.scale
        self._forward = Prepared(_prepared_copy(classifier.network, dtype, path), dtype, path)

    def __call__(self, x: Tensor) -> Tensor:
        return self._scale.standardised(self._forward(x))

    def plain(self, x: Tensor) -> Tensor:
        """The output of `forward` without a frozen graph."""
        return self._scale.standardised(self._forward.plain(x))

    def raw_logits(self, x: Tensor) -> Tensor:
        """Raw logits of images, by operations that can be differentiated with respect to them, as those of a
        frozen graph cannot.
        """
        output: Tensor = self._forward.plain(x)
        return output


class PreparedNoisyClassifier:
    """A noise-conditional classifier prepared for evaluation: noised images (B, C, H, W) and their levels,
    (B,) or (1,), to raw float32 logits (B, K), by operations that can be differentiated.

    Autocast leaves the weights and the encoding of levels in float32.
    """

    def __init__(self, network: NoisyClassifier, dtype: torch.dtype) -> None:
        self._network, self._dtype = network, dtype

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        is_cast = self._dtype != torch.float32
        with torch.autocast(x_t.device.type, dtype=self._dtype, enabled=is_cast):
            output: Tensor = self._network(x_t, t)
        return output.float()


class PreparedLabel:
    """A score network of labels prepared for evaluation; labels and times are embedded in float32."""

    def __init__(self, network: DiDiRN, dtype: torch.dtype, path: RunPath) -> None:
        self._embedding_network, self._dtype = network, dtype
        self._network = _prepared_copy(network, dtype, path)
        self._conditioned = Prepared(_Conditioned(self._network).eval(), dtype, path)

    def encode_images(self, x: Tensor) -> ImageEncoding:
        """The encoding of images (B, C, H, W)."""
        return self._network.encode_images(_cast(x, self._dtype))

    def __call__(self, images: ImageEncoding, labels: Tensor, t: Tensor) -> Tensor:
        network = self._embedding_network
        return network.chain_scores(images, labels, t, self._conditioned)

    def plain(self, images: ImageEncoding, labels: Tensor, t: Tensor) -> Tensor:
        """The scores without a frozen graph."""
        network = self._embedding_network
        return network.chain_scores(images, labels, t, self._conditioned.plain)


class _Encoder(nn.Module):
    """`LogitDenoiser.encode_signals` as the forward pass of a module, which can be traced."""

    def __init__(self, network: LogitDenoiser) -> None:
        super().__init__()
        self.network = network

    def forward(self, *signals: Tensor) -> Encoding:
        return self.network.encode_signals(*signals)


class _Conditioned(nn.Module):
    """`DiDiRN.conditioned` as the forward pass of a module, which can be traced."""

    def __init__(self, network: DiDiRN) -> None:
        super().__init__()
        self.network = network

    def forward(self, body: Tensor, shortcut: Tensor, embedding: Tensor) -> Tensor:
        return self.network.conditioned(body, shortcut, embedding)


def _prepared_copy(network: Network, dtype: torch.dtype, path: RunPath) -> Network:
    """The network itself where it is run in float32 as it is; else a copy that is cast, but for its exact
    modules, and laid out.

    It is a copy because the network itself goes on encoding time in float32, and others use it.
    """
    if dtype == torch.float32 and path is not RunPath.CHANNELS_LAST:
        return network
    network = copy.deepcopy(network)
    if path is RunPath.CHANNELS_LAST:
        network = network.to(memory_format=torch.channels_last)
    exact = {id(tensor) for module in _exact(network) for tensor in _tensors(module)}
    for tensor in _tensors(network):
        if id(tensor) not in exact and tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)
    return network


def _input_dtype(network: Denoiser, dtype: torch.dtype) -> torch.dtype | None:
    """The type that a denoiser's inputs are cast to; None if it casts them itself."""
    return None if _exact(network) else dtype


def _exact(network: nn.Module) -> list[nn.Module]:
    """The modules of a network that always compute in float32."""
    return list(network.exact()) if isinstance(network, Denoiser) else []


def _tensors(module: nn.Module) -> list[Tensor]:
    """All parameters and buffers of a module."""
    return [*module.parameters(), *module.buffers()]


def _cast(values: Encoding, dtype: torch.dtype | None) -> Encoding:
    """Nested tensors cast to a type; None leaves them as they are."""
    return values if dtype is None else mapped(values, lambda value: value.to(dtype))


def _freeze(network: nn.Module, inputs: tuple[Encoding, ...]) -> Callable[..., Encoding]:
    """A frozen graph of the network, traced with these inputs."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript warns at every use that it is deprecated
        graph = torch.jit.trace(network, inputs, check_trace=False)
        return torch.jit.optimize_for_inference(torch.jit.freeze(graph))
