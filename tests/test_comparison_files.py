"""Files of a comparison: figures fit for a paper, and its numbers as they are."""

import csv
import io
import json
import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from comparisons import GAINS, ODD, comparison, odd_comparison
from matplotlib.text import Text
from PIL import Image

from dashboards.colors import style_of
from dashboards.comparison.figures import front_figure
from dashboards.comparison.files import comparison_files
from dashboards.comparison.json_types import json_types
from dashboards.comparison.latex import latex, latex_tables
from dashboards.comparison.page import comparison_page
from dashboards.comparison.paper import LETTERS, ONE_COLUMN, TWO_COLUMNS
from dashboards.comparison.points_csv import points_csv
from dashboards.comparison.search_figures import growth_figure, importance_figure
from dashboards.figure_files import figure_files

FIGURES = ("front-1col", "front-2col", "hypervolume", "importance")


@pytest.fixture(scope="module")
def one():
    return comparison(gains=GAINS, seeds=(0, 1, 2))


@pytest.fixture(scope="module")
def files(one):
    return comparison_files(one)


def test_figures_come_in_the_widths_of_columns(files):
    tables = {"points.csv", "comparison.json", "table.tex"}
    assert set(files) == tables | {f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")}
    for name in FIGURES:
        inches = TWO_COLUMNS if name.endswith("2col") else ONE_COLUMN
        image = Image.open(io.BytesIO(files[f"{name}.png"]))
        assert image.width == round(300 * inches), name
        root = ElementTree.fromstring(files[f"{name}.svg"])
        assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(72 * inches)


def test_the_same_comparison_gives_the_same_files(one, files):
    again = figure_files("front-1col", front_figure(one, ONE_COLUMN))
    assert again == {name: files[name] for name in again}
    assert points_csv(one).encode() == files["points.csv"]


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_letters_are_large_enough_and_lie_within_the_figure(one, odd, width):
    figure = front_figure(odd_comparison("speech") if odd else one, width)
    figure.draw_without_rendering()
    edges = figure.bbox
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    outside = [t for t in axes.get_yticklabels() if not low <= t.get_position()[1] <= high]
    seen = 0
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible() and text not in outside:
            box = text.get_window_extent()
            seen += 1
            assert text.get_fontsize() >= LETTERS
            assert edges.x0 <= box.x0 and box.x1 <= edges.x1 + 1, text.get_text()
            assert edges.y0 <= box.y0 and box.y1 <= edges.y1 + 1, text.get_text()
    assert seen > 20
    if odd:
        texts = [text.get_text() for text in figure.findobj(Text)]
        assert any(
            ODD[:15] in text for text in texts
        )  # and no formula of what stands between dollars


def test_the_front_joins_what_is_undominated_and_leaves_the_rest_faint(one):
    (axes,) = front_figure(one, TWO_COLUMNS).axes
    nested = next(s for s in one.strategies if s.strategy == "nested")
    front = [p for p in nested.points if p.on_front]
    color = style_of("nested").color
    (line,) = [x for x in axes.lines if x.get_color() == color and x.get_linewidth() == 1.0
               and len(x.get_xdata()) > 2]  # fmt: skip
    assert len(line.get_xdata()) == 2 * len(front) - 1
    marks = [c for c in axes.containers if c[0].get_color() == color]
    assert sum(c[0].get_alpha() == 1 for c in marks) == len(front)
    assert len(marks) == len(nested.points)
    across = [c for c in marks if c.has_xerr]
    assert len(across) == sum(p.cost.high > p.cost.low for p in nested.points) > 0


def test_growth_and_importance_show_each_strategy(one):
    lines = growth_figure(one).axes[0].lines
    assert len(lines) == 3 * len(one.seeds)
    bars = importance_figure(one)
    assert [axes.get_title(loc="left") for axes in bars.axes] == ["card", "nested", "parallel"]
    assert [patch.get_width() for patch in bars.axes[0].patches] == [0.7, 0.2, 0.1]


def test_json_has_all_of_the_comparison(one, files):
    read = json.loads(files["comparison.json"])
    assert read["setting"]["title"] == "digits" and read["seeds"] == [0, 1, 2]
    for strategy, found in zip(one.strategies, read["strategies"], strict=True):
        assert [dict(p.test) for p in strategy.points] == [p["test"] for p in found["points"]]
        assert [t.accuracy for t in strategy.trials] == [t["accuracy"] for t in found["trials"]]
        assert [p["cost"]["high"] for p in found["points"]] == [
            p.cost.high for p in strategy.points
        ]
    assert [pair["p_holm"] for pair in read["pairs"]] == [pair.p_holm for pair in one.pairs]
    assert read["reference"] == json.loads(json.dumps(vars(one.reference)))


def test_numbers_that_are_not_finite_are_null():
    odd = json_types({"a": math.nan, "b": (math.inf, 1.5), 3: None, "c": b"\0"})
    assert odd == {"a": None, "b": [None, 1.5], "3": None, "c": "AA=="}
    with pytest.raises(TypeError, match="no JSON of a set"):
        json_types({1})


def test_csv_has_a_row_a_point_with_every_training_seed(one, files):
    rows = list(csv.DictReader(io.StringIO(files["points.csv"].decode())))
    assert [row["label"] for row in rows] == [p.label for p in one.points]
    for row, point in zip(rows, one.points, strict=True):
        assert float(row["test_accuracy"]) == point.test["accuracy"]
        assert float(row["cost_low"]) == point.cost.low
        assert json.loads(row["points"]) == [dict(p) for p in point.points]
        assert json.loads(row["commands"]) == list(point.commands)
        assert row["on_joint_front"] == str(point.on_joint_front)


def test_the_table_for_latex_says_what_it_is_of(one):
    tables = latex_tables(one)
    captions = re.findall(r"\\caption\{(.*)\}", tables)
    assert (
        "training seeds 0, 1, 2" in captions[0]
        and r"accuracy 10 \% and NFE a sample 1000" in captions[0]
    )
    assert "Holm's method" in captions[1] and f"all {len(one.pairs)} tests" in captions[1]
    assert tables.count(r"\toprule") == tables.count(r"\bottomrule") == 2
    best = next(p for p in one.points if p.label == "nested, within 60")
    assert (
        f"{100 * best.test['accuracy']:.1f}" in tables and r"\textbf{nested, within 60}" in tables
    )


@pytest.mark.parametrize("odd", ["image", "speech", ""])
def test_the_table_is_sound_latex(odd):
    """Braces match, every row has as many cells as its table columns, and no sign is left unescaped."""
    text = latex_tables(odd_comparison(odd) if odd else comparison(seeds=(0, 1)))
    lines = text.splitlines()[1:]
    bare = re.sub(r"\\[\\{}$&#_%]", "", "\n".join(lines))
    depth = 0
    for sign in bare:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"[%#_~^<>\"|`]", bare.replace("tab:fronts", "").replace("tab:tests", ""))
    assert bare.count("$") % 2 == 0
    columns = 0
    for line in lines:
        if line.startswith(r"\begin{tabular}"):
            columns = len(re.search(r"\{([lr]+)\}$", line).group(1))
        elif line.endswith(r"\\") and "multicolumn" not in line:
            assert len(re.findall(r"(?<!\\)&", line)) == columns - 1, line


def test_letters_of_latex_are_escaped_one_by_one():
    assert latex(r"a\b_{c} 5% $x$ #1 & ~^<>") == (
        r"a\textbackslash{}b\_\{c\} 5\% \$x\$ \#1 \& "
        r"\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}"
    )
    assert latex("a\u2028b\nc\0") == "a b c "


@pytest.mark.parametrize(
    "little", [comparison(gains={}), comparison(count=0, tests=False)], ids=["nothing", "no trials"]
)
def test_a_comparison_of_little_has_its_files(little):
    files = comparison_files(little)
    assert {"front-1col.png", "points.csv", "comparison.json", "table.tex"} <= set(files)
    assert not {"importance.png", "hypervolume.png"} & set(files)


def test_a_point_that_was_not_measured_on_test_samples_is_left_out_of_figures_alone(one):
    strategy = one.strategies[0]
    blank = replace(strategy.points[0], test={})
    strategy = replace(strategy, points=(blank, *strategy.points[1:]))
    odd = replace(one, strategies=(strategy, *one.strategies[1:]))
    assert front_figure(odd, ONE_COLUMN).axes
    assert blank.label in points_csv(odd) and latex(blank.label) in latex_tables(odd)
    assert blank.label in comparison_page([odd], {})


def test_nothing_on_a_page_ends_a_script_or_begins_an_element():
    page = comparison_page([odd_comparison()], {})
    begun = len(re.findall(r"<script[ >]", page.split("<body>")[1].split("Plotly")[0]))
    assert begun and "<b>" not in page.split('type="application/json"')[0]
    scripts = re.findall(
        r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.DOTALL
    )
    names = [name for name, _ in scripts]
    assert names == ["settings", "data-0"]
    texts = dict(scripts)
    assert json.loads(texts["settings"])[0][1] == ODD
    assert json.loads(texts["data-0"])["strategies"][0]["name"] == ODD
    assert not set("<>&\u2028\u2029") & set("".join(texts.values()))
