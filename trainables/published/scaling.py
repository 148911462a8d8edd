"""The scales of the published image code: what its classifier is shown, and how it normalises logits.

In these formulas p is an image in [0, 1], m and s are the dataset's mean and deviation in the same units,
and z = (p - m) / s is the image as the data loader gives it: the classifier is trained on z, and z is what
is diffused. The sampler bounds its estimates, so it ends with c = clamp(z_hat, -1, 1), and then:

    enhanced: the sampler returns (c + 1) / 2, and the classifier is shown that as it is, where it was
        trained on z.
    coupled: the sampler returns ((c + 1) / 2 - m) / s, as if c were an image in [-1, 1], and the
        classifier, and the logit denoiser, are shown that.

The product's classifier is trained on x = 2 p - 1. Its image of the same meaning as a shown value w, in
the units of z, is M + S w with M = 2 m - 1 and S = 2 s, the mean and deviation of x. That is
M + S (c + 1) / 2 for `enhanced`, and for `coupled` 2 (c + 1) / 2 - 1 = c.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from trainables.core.pixel_scale import PixelScale

DEVIATION = 1.0
"""The deviation to which `per_sample` normalises. The published code has 0.8, the deviation of its own
classifier's logits; the product's are standardised to 1.
"""
_SMALLEST = 1e-5


def enhanced_view(x: Tensor, scale: PixelScale) -> Tensor:
    """Images x (B, C, H, W) in [-1, 1] as the published `enhanced` shows them to the classifier."""
    return scale.restored((scale.standardised(x).clamp(-1, 1) + 1) / 2)


def coupled_view(x: Tensor, scale: PixelScale) -> Tensor:
    """Images x (B, C, H, W) in [-1, 1] as the published coupled strategies show them to the classifier."""
    return scale.standardised(x).clamp(-1, 1)


VIEWS = {"enhanced": enhanced_view, "coupled": coupled_view}


def per_sample(y: Tensor, deviation: float = DEVIATION) -> Tensor:
    """Logits y (B, K) normalised to mean 0 and a deviation over the classes of each sample.

    The published code does so with the classifier's logits and with every clean estimate, but not with
    the logits that its denoiser is trained to restore.
    """
    centred = y - y.mean(dim=1, keepdim=True)
    return deviation * centred / (y.std(dim=1, keepdim=True) + _SMALLEST)


class ViewedClassifier:
    """A classifier that is shown sampled signals in another way.

    Args:
        classifier: maps images (B, C, H, W) to logits (B, K).
        view: what is done to the images first, if anything.
        output: what is done to the logits, if anything.
    """

    def __init__(
        self,
        classifier: Callable[[Tensor], Tensor],
        view: Callable[[Tensor], Tensor] | None = None,
        output: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._classifier, self._view, self._output = classifier, view, output

    def __call__(self, x: Tensor) -> Tensor:
        y = self._classifier(x if self._view is None else self._view(x))
        return y if self._output is None else self._output(y)

    def plain(self, x: Tensor) -> Tensor:
        """The output without a frozen graph, so that operations can be counted."""
        plain: Callable[[Tensor], Tensor] = getattr(self._classifier, "plain", self._classifier)
        return plain(x)
