"""The files of a comparison: figures fit for a paper, and its numbers as CSV, JSON and LaTeX."""

from __future__ import annotations

import json

from dashboards.comparison.figures import front_figure
from dashboards.comparison.json_types import json_types
from dashboards.comparison.latex import latex_tables
from dashboards.comparison.model import Comparison
from dashboards.comparison.paper import ONE_COLUMN, TWO_COLUMNS
from dashboards.comparison.points_csv import points_csv
from dashboards.comparison.search_figures import growth_figure, importance_figure
from dashboards.figure_files import figure_files


def comparison_files(comparison: Comparison) -> dict[str, bytes]:
    """The files by their names, the same bytes for the same comparison: figures as PNG and SVG
    in the widths of one column and of two, `points.csv`, `comparison.json` with all that the comparison has,
    and `table.tex`.
    """
    figures = {"front-1col": front_figure(comparison, ONE_COLUMN)}
    figures["front-2col"] = front_figure(comparison, TWO_COLUMNS)
    if any(volumes for s in comparison.strategies for volumes in s.growth.values()):
        figures["hypervolume"] = growth_figure(comparison)
    if any(strategy.importance for strategy in comparison.strategies):
        figures["importance"] = importance_figure(comparison)
    numbers = json.dumps(json_types(comparison), indent=1, allow_nan=False)
    drawn = [figure_files(name, figure) for name, figure in figures.items()]
    return {
        **{name: content for files in drawn for name, content in files.items()},
        "points.csv": points_csv(comparison).encode(),
        "comparison.json": f"{numbers}\n".encode(),
        "table.tex": latex_tables(comparison).encode(),
    }
