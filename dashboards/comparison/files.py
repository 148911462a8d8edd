"""The files of a comparison: figures fit for a paper, and its numbers as CSV, JSON and LaTeX."""

from __future__ import annotations

import json

from dashboards.comparison.json_types import json_types
from dashboards.comparison.latex import latex_tables
from dashboards.comparison.model import Comparison
from dashboards.comparison.points_csv import points_csv


def comparison_files(comparison: Comparison) -> dict[str, bytes]:
    """The files by their names, the same bytes for the same comparison: figures as PNG and SVG,
    `points.csv`, `comparison.json` with all that the comparison has, and `table.tex`.
    """
    numbers = json.dumps(json_types(comparison), indent=1, allow_nan=False)
    return {
        "points.csv": points_csv(comparison).encode(),
        "comparison.json": f"{numbers}\n".encode(),
        "table.tex": latex_tables(comparison).encode(),
    }
