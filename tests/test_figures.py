"""Figures by their properties: nothing covers anything, numbers are plain, what is beaten is not joined."""

import itertools
import re
import xml.etree.ElementTree as ElementTree
from types import MappingProxyType

import numpy as np
import pytest
from matplotlib.text import Text

from dashboards.colors import STYLES, style_of
from dashboards.curves import fronts_figure
from dashboards.figure_files import figure_files
from dashboards.front import FRONT, front_figure, layers_of
from dashboards.page import TrialPoint, front_page
from dashboards.paper_comparison import Pair, side_by_side
from dashboards.pareto import Reference
from dashboards.points import ReportedPoint
from dashboards.scales import plain_ticks
from trainables import strategies
from trainables.scoring.metric_names import BY_ACCURACY, METRIC_OF_KIND


def _metrics(accuracy, nfe, reach=0.015):
    low, high = max(0.0, accuracy - reach), min(1.0, accuracy + reach)
    wrong = {"wer": 1 - accuracy, "wer_low": 1 - high, "wer_high": 1 - low}
    return {
        "accuracy": accuracy, "accuracy_low": low, "accuracy_high": high, "nfe": float(nfe),
    } | wrong  # fmt: skip


def _reported(label, role, accuracy, nfe):
    metrics = _metrics(accuracy, nfe)
    return ReportedPoint(label, label.split()[0], role, {"eta": 0.5}, metrics, metrics)


CALLS = [2, 3, 4, 6, 8, 12, 16, 24, 30, 40, 60, 90]
TESTED = [0.90, 0.915, 0.91, 0.94, 0.941, 0.95, 0.948, 0.963, 0.956, 0.955, 0.961, 0.965]
"""On test samples: #2, #6, #8, #9 and #10 are beaten by a cheaper one."""
UNDOMINATED = ["#0", "#1", "#3", "#4", "#5", "#7", "#11"]


def _crowded(noisy=0.36):
    """A front of twelve points, the paper's, five baselines, four of them in nearly the same place."""
    found = zip(CALLS, TESTED, strict=True)
    points = [_reported(f"nested #{i}", "front", a, n) for i, (n, a) in enumerate(found)]
    return [
        *points,
        _reported("nested (paper)", "paper", 0.955, 210),
        _reported("noisy", "baseline", noisy, 0),
        _reported("enhanced (paper)", "baseline", 0.945, 30),
        _reported("enhanced (best)", "baseline", 0.947, 30),
        _reported("card (paper)", "baseline", 0.9455, 30),
        _reported("card (best)", "baseline", 0.947, 24),
    ]


def _front(points, choices=None, trials=((0.5, 20.0), (0.95, 12.0)), kind="image"):
    choices = choices or {"nested #5": "cheapest", "nested #11": "best"}
    return front_figure(
        "made up", trials, points, choices, Reference(0.1, 300), 0.5, METRIC_OF_KIND[kind]
    )


def _boxes(figure):
    """Bounding boxes of all words by what they say, and of the legend."""
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = {text.get_text(): Text.get_window_extent(text) for text in axes.texts}
    low, high = axes.get_ylim()
    ticks = [text for text in axes.get_yticklabels() if low <= text.get_position()[1] <= high]
    around = [axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels(), *ticks]
    for number, text in enumerate(around):
        boxes[f"axis {number}"] = text.get_window_extent()
    return boxes | {"legend": figure.legends[0].get_window_extent()}


@pytest.mark.parametrize("noisy", [0.36, 0.93, 0.999])
@pytest.mark.parametrize("kind", ["image", "speech"])
def test_no_word_of_a_crowded_front_covers_another_or_the_legend(noisy, kind):
    figure = _front(_crowded(noisy), kind=kind)
    boxes = _boxes(figure)
    assert {"#0", "#11 best", "nested (paper)", "enhanced (best)", "card (paper)", "legend"} <= set(
        boxes
    )
    for (one, a), (other, b) in itertools.combinations(boxes.items(), 2):
        if not (one.startswith("axis") and other.startswith("axis")):
            assert not a.overlaps(b), f"{one} covers {other}"
    inside = figure.axes[0].get_window_extent()
    assert not inside.overlaps(boxes["legend"])
    edges = figure.bbox
    for name, box in boxes.items():
        assert edges.x0 <= box.x0 and box.x1 <= edges.x1 and edges.y0 <= box.y0, name


def test_no_label_of_a_crowded_front_covers_a_point():
    figure = _front(_crowded())
    boxes, axes = _boxes(figure), figure.axes[0]
    for container in axes.containers:
        x, y = axes.transData.transform(container[0].get_xydata())[0]
        for name, box in boxes.items():
            assert not box.contains(x, y), f"{name} covers a point"


def test_labels_keep_their_places_in_both_files():
    figure = _front(_crowded())
    before = {text.get_text(): text.xyann for text in figure.axes[0].texts}
    first = figure_files("front", figure)
    again = figure_files("front", _front(_crowded()))
    assert first == again
    assert {text.get_text(): text.xyann for text in figure.axes[0].texts} == before


def test_what_is_beaten_on_test_samples_is_faint_and_not_joined():
    points = _crowded()
    figure = _front(points)
    (axes,) = figure.axes
    (line,) = [line for line in axes.lines if line.get_label() == FRONT]
    corners = {(round(x, 6), round(y, 6)) for x, y in line.get_xydata()}
    assert [p.label.split()[1] for p in layers_of(points).undominated] == UNDOMINATED
    faint = 0
    for container in axes.containers:
        mark = container[0]
        ((x, y),) = mark.get_xydata()
        joined = (round(x, 6), round(y, 6)) in corners
        own = mark.get_color() == style_of("nested").color
        assert joined == (own and mark.get_alpha() == 1.0)
        faint += mark.get_alpha() < 1
    assert faint == len(CALLS) - len(UNDOMINATED) + 1  # the paper's point is beaten too
    assert np.all(np.diff(line.get_ydata()) >= 0) and np.all(np.diff(line.get_xdata()) >= 0)


def test_chosen_points_are_ringed_and_say_why():
    (axes,) = _front(_crowded()).axes
    (ring,) = [line for line in axes.lines if line.get_label() == "chosen on validation"]
    assert list(np.round(ring.get_ydata(), 6)) == [95.0, 96.5]
    bold = {text.get_text() for text in axes.texts if text.get_weight() == "bold"}
    assert bold == {"#5 cheapest", "#11 best"}


def test_a_front_without_calls_is_drawn_as_levels():
    """As that of `ensemble` is, which calls no denoiser."""
    points = [
        _reported("ensemble #3", "front", 0.94, 0),
        _reported("ensemble (paper)", "paper", 0.91, 0),
        _reported("retrained", "baseline", 0.91, 0),
        _reported("enhanced (paper)", "baseline", 0.9, 30),
    ]
    figure = _front(points, {"ensemble #3": "best"}, trials=((0.94, 0.0), (0.9, 0.0)))
    figure.draw_without_rendering()
    words = {text.get_text().split("\n")[0] for text in figure.axes[0].texts}
    assert {"ensemble #3", "ensemble (paper)", "retrained"} <= words
    every = fronts_figure("made up", points, BY_ACCURACY)
    every.draw_without_rendering()
    names = {text.get_text().split("\n")[0] for text in every.axes[0].texts}
    assert {"ensemble", "retrained"} <= names


@pytest.mark.parametrize(
    ("noisy", "said"), [(0.36, "noisy\n36.0 ↓"), (0.89, "noisy"), (0.97, "noisy")]
)
def test_what_lies_far_below_is_a_note_at_the_edge(noisy, said):
    (axes,) = _front(_crowded(noisy)).axes
    low, high = axes.get_ylim()
    assert low > 80 and high <= 101  # from where the points are
    assert said in {text.get_text() for text in axes.texts}
    drawn = any(set(line.get_ydata()) == {100 * noisy} for line in axes.lines)
    assert drawn == (said == "noisy")


def test_errors_that_lie_far_above_are_a_note_too():
    (axes,) = _front(_crowded(0.36), kind="speech").axes
    assert "noisy\n64.0 ↑" in {text.get_text() for text in axes.texts}


def test_trials_outside_of_the_axis_are_arrows_at_its_edge():
    (axes,) = _front(_crowded(), trials=[(0.12, 30.0), (0.95, 12.0), (0.94, 20.0)]).axes
    places = {c.get_label(): c.get_offsets().tolist() for c in axes.collections if c.get_label()}
    assert places["trials below, validation"] == [[30.0, axes.get_ylim()[0]]]
    assert [x for x, _ in places["trials, validation"]] == [12.0, 20.0]


@pytest.mark.parametrize("ends", [(1, 2000), (7, 90), (12, 18), (40, 41), (1, 1.2), (8, 10)])
def test_numbers_of_calls_are_plain(ends):
    points = [_reported(f"nested #{n}", "front", 0.9, n) for n in ends]
    (axes,) = _front(points, trials=[(0.9, float(ends[0]))]).axes
    said = [text.get_text() for text in axes.get_xticklabels()]
    assert len(said) >= 3
    assert all(re.fullmatch(r"\d+(\.\d)?", text) for text in said), said
    assert [float(text) for text in said] == list(axes.get_xticks())


def test_numbers_of_calls_are_round():
    assert plain_ticks(0.9, 300) == [1, 2, 5, 10, 20, 50, 100, 200]


def test_points_of_equal_calls_do_not_hide_each_other():
    points = [_reported(f"enhanced ({name})", "baseline", 0.9, 10) for name in "abc"]
    (axes,) = _front([*points, _reported("nested #0", "front", 0.9, 40)], trials=[]).axes
    pixels = [axes.transData.transform(c[0].get_xydata())[0][0] for c in axes.containers]
    assert len({round(x) for x in pixels}) == 4
    assert len({round(c[0].get_xdata()[0]) for c in axes.containers}) == 2


def test_a_front_without_calls_or_without_trials_is_drawn():
    for points in (
        [_reported("noisy", "baseline", 0.4, 0)],
        [_reported("nested #1", "front", 0.9, 5)],
    ):
        assert figure_files("front", _front(points, trials=[(0.4, 0.0)]))["front.png"]
        assert front_page("made up", [], points, {}, BY_ACCURACY)


def _panels(paper=MappingProxyType({"accuracy": 0.95})):
    pairs = [
        Pair(f"digits {corruption}", name, name, _metrics(0.9, 20), paper)
        for corruption in ("gn15", "gn30", "blur", "none")
        for name in ("noisy", "enhanced", "nested")
    ]
    return side_by_side("Table 1", pairs, BY_ACCURACY)


def _fronts():
    return fronts_figure("digits", _crowded(), BY_ACCURACY)


@pytest.mark.parametrize("figure", [lambda: _front(_crowded()), _fronts, _panels])
def test_every_figure_comes_as_png_and_as_svg(figure):
    files = figure_files("some", figure())
    assert list(files) == ["some.png", "some.svg"]
    assert files["some.png"].startswith(b"\x89PNG")
    root = ElementTree.fromstring(files["some.svg"])
    assert root.tag.endswith("svg") and len(root.findall(".//{*}path")) > 50


def test_the_papers_marks_are_explained_where_there_are_some():
    (legend,) = _panels().legends
    assert [text.get_text() for text in legend.get_texts()] == ["measured", "paper"]
    assert not _panels(paper=None).legends


def test_all_fronts_are_joined_where_they_are_ahead_and_faint_elsewhere():
    figure = _fronts()
    (axes,) = figure.axes
    lines = {c.get_label(): c[0] for c in axes.containers if not str(c.get_label()).startswith("_")}
    assert set(lines) == {"nested", "enhanced", "card"}
    assert len(lines["nested"].get_xdata()) == len(UNDOMINATED)
    faint = [c[0] for c in axes.containers if c[0].get_alpha() < 1]
    assert faint and all(line.get_linewidth() == 0 for line in faint)
    boxes = _boxes(figure)
    assert not axes.get_window_extent().overlaps(boxes["legend"])


def test_points_that_several_sweeps_confirmed_are_drawn_once():
    once, twice = _fronts(), fronts_figure("digits", [*_crowded(), *_crowded()], BY_ACCURACY)
    assert figure_files("fronts", once) == figure_files("fronts", twice)


def test_panels_of_the_papers_tables_stand_in_rows_of_three():
    figure = _panels()
    visible = [axes for axes in figure.axes if axes.get_visible()]
    assert len(visible) == 4
    assert figure.get_figwidth() < 15


def test_hovering_tells_calls_and_accuracy_once_each():
    trials = [TrialPoint(0.9, 12.0, {"eta": 0.25})]
    page = front_page("made up", trials, _crowded(), {"nested #5": "best"}, BY_ACCURACY)
    told = re.findall(r'<b>.*?"', page.replace("\\u003c", "<").replace("\\u003e", ">"))
    assert len(told) == len(_crowded()) + 1 + 1  # a trial; a level is a line with two ends
    for text in told:
        assert text.count("NFE") == 1 and text.count("accuracy") == 1, text
        assert len(re.findall(r"eta=", text)) == 1
    assert any("NFE 12<br>eta=0.25" in text and "90.0 %" in text for text in told)
    drawn = page.split("Plotly.newPlot")[-1]
    assert "%{hovertext}" in drawn and "%{y}" not in drawn and '"hoverinfo"' not in drawn


def test_the_page_begins_where_the_points_are_and_tells_what_lies_far_below():
    page = front_page("made up", [], _crowded(), {}, BY_ACCURACY).split("Plotly.newPlot")[-1]
    low, high = map(float, re.search(r'"range":\[([\d.]+),([\d.]+)\]', page).groups())
    assert 80 < low < 90 and 96 < high <= 101
    assert '"name":"noisy, 36.0 %"' in page


def test_every_strategy_has_a_colour_and_a_marker_of_its_own():
    assert set(STYLES) == set(strategies.names())
    assert len({style.color for style in STYLES.values()}) == len(STYLES)
    assert len({style.marker for style in STYLES.values()}) == len(STYLES)
    assert style_of("of tomorrow") == style_of("of tomorrow")


# Machado, Oliveira and Fernandes 2009, severity 1: what is seen of linear RGB.
SEEN = {
    "fully": np.eye(3),
    "without red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                    [-0.003882, -0.048116, 1.051998]],
    "without green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                      [-0.011820, 0.042940, 0.968881]],
    "without blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                     [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def _lab(color, seen):
    """A colour #rrggbb in CIE L*a*b*, as it is seen."""
    shares = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.asarray(seen) @ linear, 0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("seen", SEEN)
def test_colours_differ_with_any_kind_of_colour_blindness(seen):
    colors = {name: _lab(style.color, SEEN[seen]) for name, style in STYLES.items()}
    for (one, a), (other, b) in itertools.combinations(colors.items(), 2):
        # 2.3 is what is just noticed side by side; several times as much is told apart at a glance.
        assert np.linalg.norm(a - b) > 10, f"{one} and {other} look alike"
