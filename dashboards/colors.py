"""One colour and one marker a strategy, or a sampler, the same in every figure.

The colours are those of Okabe and Ito's palette, two of Paul Tol's, two violets, two plums, a brown, a dark
green, a dark blue and a crimson, so that they are told apart with any kind of colour blindness; a marker says
the same without colour.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """How a strategy is drawn: a colour as #rrggbb, and a marker of matplotlib."""

    color: str
    marker: str


STYLES = {
    "nested": Style("#0072b2", "o"),
    "parallel": Style("#d55e00", "D"),
    "alternating": Style("#009e73", "^"),
    "noisy": Style("#000000", "x"),
    "enhanced": Style("#e69f00", "s"),
    "card": Style("#cc79a7", "v"),
    "uncoupled": Style("#56b4e9", "P"),
    "signal-only": Style("#882255", "<"),
    "logit-only": Style("#999933", ">"),
    "parallel-noisy": Style("#7800e1", "d"),
    "retrained": Style("#004000", "p"),
    "ensemble": Style("#202080", "h"),
    "guided": Style("#78a860", "H"),
    "didicm-cp": Style("#d80048", "X"),
    "didicm-cl": Style("#a860f0", "8"),
    "cascade": Style("#480048", "+"),
    "cascade-nested": Style("#783078", "1"),
    "cascade-parallel": Style("#a84818", "2"),
}

SAMPLERS = {
    "DDIM": Style("#0072b2", "o"),
    "DDPM's mean": Style("#009e73", "^"),
    "published": Style("#d55e00", "D"),
}
"""Samplers that are compared in a figure of their own, which has no strategies."""

TRIAL = "#9aa5b1"
"""The colour of points that were measured on validation samples alone."""

JOINT = "#ffdf80"
"""The colour of the front of all strategies together, as a highlighter draws behind the lines."""

INK = "#333333"
"""The colour of words and of the lines that lead to them."""

_OTHER_COLOR = "#767676"
_OTHER_MARKERS = "pdhXH8"


def style_of(strategy: str) -> Style:
    """The style of a strategy or a sampler; one that is not known is grey, and its marker follows from
    its name.
    """
    marker = _OTHER_MARKERS[zlib.crc32(strategy.encode()) % len(_OTHER_MARKERS)]
    return (STYLES | SAMPLERS).get(strategy, Style(_OTHER_COLOR, marker))
