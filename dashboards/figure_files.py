"""A figure as files: PNG to look at, SVG to print and to zoom into."""

from __future__ import annotations

import io

import matplotlib
from matplotlib.figure import Figure


def figure_files(name: str, figure: Figure) -> dict[str, bytes]:
    """The figure's files by their names: `name.png` and `name.svg`, the same bytes for the same figure."""
    files = {}
    with matplotlib.rc_context({"svg.hashsalt": name}):
        for kind, metadata in (("png", None), ("svg", {"Date": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, metadata=metadata)
            files[f"{name}.{kind}"] = buffer.getvalue()
    return files


def png(figure: Figure, dpi: int | None = None) -> bytes:
    """The figure as a PNG alone, of its own resolution or of so many pixels an inch."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi or "figure")
    return buffer.getvalue()
