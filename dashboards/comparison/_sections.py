"""The parts of a page that are words and tables: what was found, points, what is as good, volumes, notes."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.comparison._html import Html, element, number_cell, table, together
from dashboards.comparison._swatch import named_swatch, swatch
from dashboards.comparison.model import ComparedPoint, ComparedStrategy, Comparison
from dashboards.comparison.words import (
    condition,
    cost_name,
    cost_text,
    named,
    point_text,
    reference_text,
    seeds_text,
    volume_text,
)
from dashboards.points import percent

_WIDEST_BAR = 80.0  # percent of the room beside a name
_AS_GOOD_AS = ("enhanced", "retrained", "the best")
_KNEE = " The knee is where a front turns from steep to flat: more cost buys little from there on."
_ROLES = {"front": "searched", "paper": "the paper's", "baseline": "baseline"}


def section(key: str, title: str, *parts: str) -> Html:
    """A part of a setting's page under a heading of its own."""
    return element("section", {"class": key}, element("h3", None, title), *parts)


def hint(text: str) -> Html:
    """A paragraph in small letters that says how something is read."""
    return element("p", {"class": "hint"}, text)


def title_of(comparison: Comparison) -> Html:
    """What is compared, and under which condition."""
    setting = comparison.setting
    facts = [f"preset {setting.preset}", seeds_text(comparison.seeds)]
    facts += [f"{setting.classes} classes"] if setting.classes else []
    facts += [f"T = {setting.T}"] if setting.T else []
    heading = element("h2", {"tabindex": -1}, f"{setting.title}, {condition(setting)}")
    return together([heading, element("p", {"class": "facts"}, " · ".join(facts))])


def found(comparison: Comparison) -> Html:
    """The headline, and the other sentences under it."""
    if not comparison.found:
        return element("p", {"class": "headline"}, "Nothing was confirmed here yet.")
    headline, *others = comparison.found
    items = together(element("li", None, sentence) for sentence in others)
    rest = element("ul", None, items) if others else Html("")
    return element(
        "div", {"class": "found"}, element("p", {"class": "headline"}, headline), rest
    )  # fmt: skip


def legend(comparison: Comparison) -> Html:
    """A switch for each strategy, which hides it wherever it is drawn."""
    switches = together(
        element(
            "button",
            {"type": "button", "class": "switch", "data-strategy": place, "aria-pressed": "true"},
            swatch(strategy.strategy),
            element("span", None, strategy.strategy),
        )
        for place, strategy in enumerate(comparison.strategies)
    )
    name = "Strategies: press to hide or show"
    return element("div", {"class": "legend", "role": "group", "aria-label": name}, switches)


def points_table(comparison: Comparison) -> Html:
    """All confirmed points; a press on a name shows its parameters."""
    metric = comparison.metric
    head = [
        "point", f"#test {metric.title}, % [95 %]", f"#{cost_name(comparison)}", "chosen as",
        f"#validation {metric.title}, %", "front",
    ]  # fmt: skip
    rows, place = [], 0
    for order, strategy in enumerate(comparison.strategies):
        for point in strategy.points:
            tested = metric.name in point.test
            rows.append(_point_row(order, place if tested else None, point, comparison))
            place += tested
    return table(f"Confirmed points, on test {metric.samples}", head, rows, {"class": "points"})


def _point_row(order: int, place: int | None, point: ComparedPoint, comparison: Comparison) -> Html:
    """A row; `place` is the point's own among those that are drawn."""
    metric = comparison.metric
    mark = "joint front" if point.on_joint_front else "front" if point.on_front else "–"
    name = named_swatch(point.strategy, point.label)
    if place is not None:
        name = element("button", {"type": "button", "class": "plain", "data-point": place}, name)
    return element(
        "tr", {"data-strategy": order, "class": "joint" if point.on_joint_front else None},
        element("th", {"scope": "row"}, name),
        number_cell(percent(point.test, metric)),
        number_cell(cost_text(point.cost)),
        element("td", None, _chosen_as(point)),
        number_cell(percent(point.validation, metric)),
        element("td", None, mark),
    )  # fmt: skip


def _chosen_as(point: ComparedPoint) -> str:
    """What a point is: its names, and that it is a baseline where it is one."""
    role = _ROLES.get(point.role, point.role)
    words = point.names if point.role == "front" and point.names else (role, *point.names)
    return ", ".join(words)


def as_good(comparison: Comparison) -> Html:
    """Per strategy the cheapest points that are not worse than others, and the knee."""
    rivals = [
        rival for rival in _AS_GOOD_AS if any(rival in s.as_good for s in comparison.strategies)
    ]
    shown = [
        (order, strategy)
        for order, strategy in enumerate(comparison.strategies)
        if strategy.as_good or named(strategy, "knee")
    ]
    if not shown:
        return Html("")
    knees = any(named(strategy, "knee") for strategy in comparison.strategies)
    rows = [
        element(
            "tr", {"data-strategy": order},
            element("th", {"scope": "row"}, named_swatch(strategy.strategy, strategy.strategy)),
            *(element("td", None, _as_good(strategy, rival, comparison)) for rival in rivals),
            *(element("td", None, _cell(knee, comparison) or "–") for knee in _knees(strategy, knees)),
        )
        for order, strategy in shown
    ]  # fmt: skip
    head = ["strategy", *(f"as good as {rival}" for rival in rivals), *(["knee"] if knees else [])]
    caption = "The cheapest point of each strategy that is not worse than another"
    return section(
        "as-good", "What is as good, and for how much", table(caption, head, rows),
        hint(
            f"Test {comparison.metric.title} in % with its 95 % interval, at so much {cost_name(comparison)}."
            + (_KNEE if knees else "")
        ),
    )  # fmt: skip


def _knees(strategy: ComparedStrategy, shown: bool) -> list[ComparedPoint | None]:
    """The strategy's knee, where there is a column for it."""
    return [named(strategy, "knee")] if shown else []


def _as_good(strategy: ComparedStrategy, rival: str, comparison: Comparison) -> str:
    if rival not in strategy.as_good:
        return "not measured"
    label = strategy.as_good[rival]
    if label is None:
        return "no point is"
    point = next((p for p in strategy.points if p.label == label), None)
    return _cell(point, comparison) or label


def _cell(point: ComparedPoint | None, comparison: Comparison) -> Html | None:
    """A point's name, and under it what it has and costs."""
    if point is None:
        return None
    numbers = element("span", {"class": "below"}, point_text(point, comparison.metric))
    return together([point.label, numbers])


def volumes(comparison: Comparison) -> Html:
    """The hypervolumes and their growth."""
    swept = [(o, s) for o, s in enumerate(comparison.strategies) if s.hypervolume]
    if not swept:
        return Html("")
    rows = [
        element(
            "tr", {"data-strategy": order},
            element("th", {"scope": "row"}, named_swatch(strategy.strategy, strategy.strategy)),
            number_cell(volume_text(strategy.hypervolume)),
            number_cell(str(len(strategy.trials))),
        )
        for order, strategy in swept
    ]  # fmt: skip
    return section(
        "volumes", "Hypervolume", hint(
            f"The share of the plane that a front leaves behind it, from 0 to 1, on validation "
            f"{comparison.metric.samples}; cost counts by its logarithm. Measured from one reference for "
            f"all: {reference_text(comparison)}."
        ),
        element(
            "div", {"class": "beside"},
            table("Hypervolume of all trials", ["strategy", "#hypervolume", "#trials"], rows),
            chart("growth", "Growth of the hypervolume over trials, a line a strategy and training seed"),
        ),
    )  # fmt: skip


def chart(kind: str, description: str) -> Html:
    """The place of a chart, drawn when it comes into sight."""
    return element(
        "div", {"class": f"chart {kind}", "data-chart": kind, "role": "img", "aria-label": description}
    )  # fmt: skip


def importance(comparison: Comparison) -> Html:
    """Bars of how much each parameter matters, a group a strategy."""
    widest = max((v for s in comparison.strategies for v in s.importance.values()), default=1.0)
    groups = [
        element(
            "div", {"class": "bars", "data-strategy": order},
            element("h4", None, named_swatch(strategy.strategy, strategy.strategy)),
            element("dl", None, _bars(strategy.importance, widest)),
        )
        for order, strategy in enumerate(comparison.strategies)
        if strategy.importance
    ]  # fmt: skip
    if not groups:
        return Html("")
    return section(
        "importance", "What matters",
        hint("How much of the differences in accuracy between trials each sampling parameter explains."),
        element("div", {"class": "groups"}, *groups),
    )  # fmt: skip


def _bars(values: Mapping[str, float], widest: float) -> Html:
    rows: list[Html] = []
    for name, share in values.items():
        width = f"width:{_WIDEST_BAR * max(0.0, share) / (widest or 1.0):.1f}%"
        bar = element("span", {"class": "bar", "style": width})
        text = element("span", {"class": "share"}, f"{share:.2f}")
        rows += [element("dt", None, name), element("dd", None, bar, text)]
    return together(rows)


def trials(comparison: Comparison) -> Html:
    """The trials of one strategy at a time."""
    swept = [(o, s) for o, s in enumerate(comparison.strategies) if s.trials]
    if not swept:
        return Html("")
    options = [
        element("option", {"value": order}, f"{s.strategy}, {len(s.trials)} trials") for order, s in swept
    ]  # fmt: skip
    choice = element(
        "label", {"class": "field"}, "Trials of ", element("select", {"class": "of"}, *options)
    )
    metric = comparison.metric
    return section(
        "trials", "Where the search looked", choice,
        hint(
            f"All trials on validation {metric.samples}, a line each, coloured by {metric.title}. Drag "
            "along an axis to keep those that pass there, and names of axes to order them."
        ),
        element("div", {"class": "scroll wide"}, chart("parallel", "Parallel coordinates of the trials")),
        element("h4", None, f"{metric.title[:1].upper()}{metric.title[1:]} against each parameter"),
        chart("parameters", f"{metric.title} of the trials against each of their parameters"),
    )  # fmt: skip


def notes(comparison: Comparison) -> Html:
    """What people should know."""
    if not comparison.notes:
        return Html("")
    items = [element("li", None, note) for note in comparison.notes]
    return section("notes", "Notes", element("ul", None, *items))
