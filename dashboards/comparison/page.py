"""The page of comparisons: one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from plotly.offline import get_plotlyjs

from dashboards.colors import JOINT
from dashboards.comparison import _sections as parts
from dashboards.comparison._charts import charts
from dashboards.comparison._html import Html, element, in_script, together
from dashboards.comparison._overview import overview
from dashboards.comparison._samples_section import samples
from dashboards.comparison._tests_section import tests
from dashboards.comparison.gallery import Gallery
from dashboards.comparison.model import Comparison, Setting
from dashboards.comparison.words import condition, cost_name, how_to_read, seeds_text

_FOLDER = Path(__file__).parent
_SCRIPTS = ("drawing.js", "front.js", "trials.js", "page.js")
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data:; font-src data:"
)
"""What a browser lets the page load: nothing that is not in it. Plotly compiles what it draws by WebGL."""


def comparison_page(comparisons: Sequence[Comparison], galleries: Mapping[Setting, Gallery]) -> str:
    """HTML of the comparisons, with the samples of those settings that have any.

    It loads nothing: scripts, styles, pictures and sounds are in it.
    """
    several = len(comparisons) > 1
    settings = [
        _setting(place, comparison, galleries.get(comparison.setting))
        for place, comparison in enumerate(comparisons)
    ]
    header = element(
        "header", None, element("h1", None, "Strategies compared"),
        _chooser(comparisons) if several else Html(""),
    )  # fmt: skip
    empty = element("p", {"class": "headline"}, "There is nothing to compare yet.")
    main = element(
        "main", None, overview(comparisons) if several else Html(""),
        *(settings or [empty]),
    )  # fmt: skip
    body = element("body", None, header, main, _scripts(comparisons))
    page = element("html", {"lang": "en"}, _head(comparisons), body)
    return f"<!doctype html>\n{page}\n"


def _head(comparisons: Sequence[Comparison]) -> Html:
    titles = dict.fromkeys(comparison.setting.title for comparison in comparisons)
    return element(
        "head", None, element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("link", {"rel": "icon", "href": "data:,"}),
        element("title", None, f"Strategies compared: {', '.join(titles) or 'nothing'}"),
        element("style", None, Html(_file("page.css"))),
    )  # fmt: skip


def _chooser(comparisons: Sequence[Comparison]) -> Html:
    """A list for each of what the settings differ in; the script fills them."""
    fields = [
        element(
            "label", {"class": "field", "hidden": True}, f"{name} ",
            element("select", {"data-field": field}),
        )
        for field, name in enumerate(("Dataset", "Corruption", "Preset", "Seeds"))
    ]  # fmt: skip
    return element("form", {"class": "chooser", "aria-label": "What is shown"}, *fields)


def _setting(place: int, comparison: Comparison, gallery: Gallery | None) -> Html:
    """All of a comparison; the script shows one at a time."""
    return element(
        "article", {"class": "setting", "data-setting": place, "hidden": place > 0},
        parts.title_of(comparison), parts.found(comparison), parts.legend(comparison),
        _front(comparison),
        parts.section("all-points", "Confirmed points", parts.points_table(comparison)),
        parts.as_good(comparison), tests(comparison), parts.volumes(comparison),
        parts.importance(comparison), parts.trials(comparison), samples(comparison, gallery),
        parts.notes(comparison),
    )  # fmt: skip


def _front(comparison: Comparison) -> Html:
    """The chart of fronts with its switches, and the place where a point is told in full."""
    metric, cost = comparison.metric, cost_name(comparison)
    switches = [
        ("trials", f"trials, on validation {metric.samples}", False),
        ("bars", "95 % intervals", True),
    ]
    if any(len(strategy.seed_fronts) > 1 for strategy in comparison.strategies):
        switches.append(("seeds", "each training seed's front", True))
    boxes = [
        element(
            "label", {"class": "check"},
            element("input", {"type": "checkbox", "data-layer": name, "checked": on}), f" {words}",
        )
        for name, words, on in switches
    ]  # fmt: skip
    return element(
        "section", {"class": "fronts"},
        element("h3", None, f"{metric.title[:1].upper()}{metric.title[1:]} against cost"),
        parts.hint(how_to_read(comparison)),
        element("div", {"class": "checks"}, *boxes, element("span", {"class": "outside"})),
        parts.chart(
            "front", f"{metric.title} on test {metric.samples} against {cost}: each strategy's front; the "
            "table below has the numbers",
        ),
        _key(comparison),
        element("aside", {"class": "panel", "aria-live": "polite"},
                element("p", {"class": "hint"}, "Press a point for its parameters, its run, and the command "
                        "that measures it again.")),
    )  # fmt: skip


def _key(comparison: Comparison) -> Html:
    """What the signs of the chart of fronts mean."""
    several = "the mean of all training seeds; " if len(comparison.seeds) > 1 else ""
    signs = [
        (
            element("span", {"class": "key-joint", "style": f"background:{JOINT}"}),
            "joint front of all strategies",
        ),
        (element("span", {"class": "key-ring"}), "named point"),
        (Html("★"), "the paper's point"),
        (Html("□"), "open: a baseline"),
        (Html("┄"), "without cost"),
    ]
    items = [element("span", {"class": "sign"}, sign, f" {words}") for sign, words in signs]
    text = (
        f"Points are {several}drawn as measured on test {comparison.metric.samples}; faint: another of the "
        "strategy is better and no dearer. Points of equal cost stand side by side."
    )
    return element("p", {"class": "hint key"}, *items, element("span", None, text))


def _scripts(comparisons: Sequence[Comparison]) -> Html:
    """Plotly, the data of the charts, and what draws them."""
    places = [
        [c.setting.title, condition(c.setting), c.setting.preset, seeds_text(c.seeds)]
        for c in comparisons
    ]
    data = [(f"data-{place}", charts(comparison)) for place, comparison in enumerate(comparisons)]
    return together(
        [
            *(
                element("script", {"type": "application/json", "id": name}, in_script(_json(values)))
                for name, values in [("settings", places), *data]
            ),
            element("script", None, Html(_plotly())),
            *(element("script", None, Html(_file(name))) for name in _SCRIPTS),
        ]
    )  # fmt: skip


def _json(values: object) -> str:
    return json.dumps(values, separators=(",", ":"), allow_nan=False)


def _file(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """Plotly's script; no end of a script element is in it."""
    source: str = get_plotlyjs()
    return source.replace("</script", "<\\/script")
