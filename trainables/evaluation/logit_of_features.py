"""The logit denoiser of speech as strategies call it: given signals, it is conditioned on their evidence."""

from __future__ import annotations

from torch import Tensor

from trainables.models.base import Classifier, Encoding, LogitDenoiser
from trainables.models.prepared import PreparedLogit
from trainables.models.tensor_cache import TensorCache


class LogitOfFeatures(LogitDenoiser):
    """A logit denoiser that takes signals, and conditions the denoiser inside on the evidence of them.

    Args:
        denoiser: the denoiser inside, which takes the classifier's evidence.
        classifier: the frozen classifier; one whose evidence is an encoding caches it.
    """

    def __init__(self, denoiser: PreparedLogit, classifier: Classifier) -> None:
        super().__init__()
        self._denoiser, self._classifier = denoiser, (classifier,)
        self._corrupted: TensorCache[tuple[Tensor, Tensor]] = TensorCache(1)

    def encode_time(self, t: Tensor) -> Tensor:
        return self._denoiser.encode_time(t)

    def encode_signals(
        self, x: Tensor, y_of_x: Tensor, x_cor: Tensor, y_cor: Tensor | None = None
    ) -> Encoding:
        """The encoding of signals x and x_cor (B, *signal shape) and the logits of each.

        y_cor is f(x_cor), and is computed where it is None.
        """
        (classifier,) = self._classifier
        corrupted = self._corrupted.get(x_cor)
        if corrupted is None:
            if y_cor is None:
                y_cor = y_of_x if x is x_cor else classifier(x_cor)
            corrupted = classifier.evidence(x_cor), y_cor
            self._corrupted.keep(x_cor, corrupted)
        return self._denoiser.encode_signals(classifier.evidence(x), y_of_x, *corrupted)

    def forward(self, y_t: Tensor, time: Tensor, signals: Encoding) -> Tensor:
        output: Tensor = self._denoiser(y_t, time, signals)
        return output

    def plain(self, *inputs: object) -> Tensor:
        """The output of `forward` without a frozen graph."""
        return self._denoiser.plain(*inputs)
