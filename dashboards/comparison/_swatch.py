"""A strategy's marker in its colour, for HTML and for plotly."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.markers import MarkerStyle

from dashboards.colors import style_of
from dashboards.comparison._html import Html, element, together

SYMBOLS = {
    "o": "circle", "D": "diamond", "^": "triangle-up", "x": "x-thin-open", "s": "square",
    "v": "triangle-down", "P": "cross", "<": "triangle-left", ">": "triangle-right", "d": "diamond-tall",
    "p": "pentagon", "h": "hexagon", "H": "hexagon2", "X": "x", "8": "octagon",
    "+": "cross-thin-open", "1": "y-down-open", "2": "y-up-open",
}  # fmt: skip
"""Plotly's names of matplotlib's markers."""

_HALF = 5.0  # of a swatch's marker, in pixels


@cache
def swatch(strategy: str) -> Html:
    """The marker as a small picture that says nothing to those who do not see it."""
    style = style_of(strategy)
    marker = MarkerStyle(style.marker)
    outline = marker.get_path().transformed(marker.get_transform())
    line = {"stroke": style.color, "stroke-width": 1.6, "fill": style.color}
    shapes = []
    for polygon in map(np.asarray, outline.to_polygons(closed_only=False)):
        reach = abs(polygon).max() / _HALF
        places = " ".join(f"{x / reach:.1f},{-y / reach:.1f}" for x, y in polygon)
        shapes.append(element("polygon", {"points": places, **line}))
    size = {"class": "swatch", "viewBox": "-7 -7 14 14", "width": 14, "height": 14}
    return element("svg", {**size, "aria-hidden": "true", "focusable": "false"}, together(shapes))


def named_swatch(strategy: str, text: str) -> Html:
    """The marker and a text beside it."""
    return element("span", {"class": "named"}, swatch(strategy), element("span", None, text))
