"""A small noise-conditional classifier of vectors: log p(c | x_t) for every noise level t.

It is as smooth as the theory of classifier guidance asks for: no activation has a kink.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.core.errors import check_range
from trainables.models.layers import TimeEmbedding


class MixtureClassifier(nn.Module):
    """An MLP with the embedding of the noise level added in every layer: x_t (N, d) and t / T, (N,) or (1,),
    to log p (N, K).

    Args:
        dimensions: d of the vectors.
        classes: K.
        width, layers: of the MLP.

    Raises:
        UsageError: a number is out of range.
    """

    def __init__(self, dimensions: int, classes: int, width: int = 64, layers: int = 2) -> None:
        super().__init__()
        check_range("the classifier's dimensions", dimensions, 1, 10**6)
        check_range("the classifier's classes", classes, 2, 10**6)
        check_range("the classifier's width", width, 1, 65536)
        check_range("the classifier's layers", layers, 1, 64)
        self.time = TimeEmbedding(width)
        sizes = [dimensions, *[width] * layers]
        self.layers = nn.ModuleList(map(nn.Linear, sizes[:-1], sizes[1:]))
        self.last = nn.Linear(width, classes)

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        embedding, h = self.time(t), x_t
        for layer in self.layers:
            h = functional.silu(layer(h) + embedding)
        return torch.log_softmax(self.last(h), dim=1)
