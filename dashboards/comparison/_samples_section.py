"""The part of a page with samples: as they are clean, corrupted and restored, and how they were restored."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from dashboards.comparison._html import Html, element, table, together
from dashboards.comparison._sections import hint, section
from dashboards.comparison._swatch import named_swatch
from dashboards.comparison.gallery import Frame, Gallery, Shown
from dashboards.comparison.model import Comparison

_LISTED = 40  # samples that only one strategy gets right, of each strategy
_CLASSES = 3  # bars of a frame


def samples(comparison: Comparison, gallery: Gallery | None) -> Html:
    """The grid, the trajectories, and what only one strategy gets right; empty where there is nothing."""
    if gallery is None or not gallery.numbers:
        return _only_right(comparison, ())
    order = {s.strategy: place for place, s in enumerate(comparison.strategies)}
    return together(
        [
            section(
                "samples", "Samples",
                hint(
                    "The same test samples, clean, corrupted, and as each strategy's named point restores "
                    "and answers them. ✓ and a whole frame: the answer is right; ✗ and a broken one: it is "
                    "wrong. Under it is how sure the answer is."
                ),
                _grid(comparison, gallery, order), *map(hint, gallery.notes),
            ),
            _trajectories(gallery, order),
            _only_right(comparison, gallery.numbers),
        ]
    )  # fmt: skip


def _grid(comparison: Comparison, gallery: Gallery, order: dict[str, int]) -> Html:
    heads = ["sample", "clean", "corrupted"]
    heads += [named_swatch(gallery.strategies[label], label) for label in gallery.restored]
    only = {one.number: one.strategy for one in comparison.only_right}
    rows = []
    for row, (number, truth) in enumerate(zip(gallery.numbers, gallery.truths, strict=True)):
        badge = Html("")
        if number in only:
            badge = element("span", {"class": "badge"}, f"only {only[number]}")
        name = element(
            "th", {"scope": "row"}, element("span", None, truth),
            element("span", {"class": "below"}, f"test #{number}"), badge,
        )  # fmt: skip
        plain = [
            element("td", None, _signal(shown, row, f"{kind} sample {number}, truly {truth}"))
            for kind, shown in (("clean", gallery.clean), ("corrupted", gallery.corrupted))
        ]
        answered = [
            element("td", {"data-strategy": order.get(gallery.strategies[label])},
                    _answered(shown, row, f"sample {number} restored by {label}"))
            for label, shown in gallery.restored.items()
        ]  # fmt: skip
        rows.append(element("tr", None, name, *plain, *answered))
    places = [order.get(gallery.strategies[label]) for label in gallery.restored]
    columns = ",".join(["", "", "", *("" if place is None else str(place) for place in places)])
    attributes = {"class": f"gallery {_wide(gallery)}", "data-columns": columns}
    return table(f"Samples of {comparison.setting.title}", heads, rows, attributes)


def _wide(gallery: Gallery) -> str:
    """The class of spectrograms, which are wider than images."""
    return "wide-pictures" if gallery.clean.sounds else ""


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _picture(content: bytes | None, description: str) -> Html:
    """A picture; where no signal is sampled, a box that says so."""
    if content is None:
        return element("span", {"class": "no-picture"}, "no signal")
    return element(
        "img", {"src": _uri("image/png", content), "alt": description, "loading": "lazy"}
    )


def _signal(shown: Shown, row: int, description: str) -> Html:
    """A sample's picture, and its sound where it has one."""
    parts = [_picture(shown.pictures[row], description)] if row < len(shown.pictures) else []
    if row < len(shown.sounds):
        source = _uri("audio/wav", shown.sounds[row])
        attributes = {"controls": True, "preload": "none", "src": source}
        parts.append(element("audio", {**attributes, "aria-label": f"play {description}"}))
    return together(parts)


def _answered(shown: Shown, row: int, description: str) -> Html:
    """A restored sample with its answer."""
    if row >= len(shown.answers):
        return _signal(shown, row, description)
    right, answer = shown.right[row], shown.answers[row]
    verdict = "right" if right else "wrong"
    sign = element("span", {"class": "sign", "aria-label": f"{verdict}:"}, "✓" if right else "✗")
    words = [sign, element("span", {"class": "answer"}, f" {answer}")]
    if row < len(shown.confidences):
        words.append(element("span", {"class": "below"}, f"{100 * shown.confidences[row]:.0f} %"))
    alt = f"{description}, answered {answer}, {verdict}"
    return element(
        "figure", {"class": verdict}, _signal(shown, row, alt), element("figcaption", None, *words)
    )  # fmt: skip


def _trajectories(gallery: Gallery, order: dict[str, int]) -> Html:
    """Each sample's trajectories, a strip a point, of which one sample is seen at a time."""
    count = max((len(shown.trajectories) for shown in gallery.restored.values()), default=0)
    if not count:
        return Html("")
    options = [
        element("option", {"value": row}, f"{gallery.truths[row]} (test #{gallery.numbers[row]})")
        for row in range(count)
    ]
    choice = element(
        "label", {"class": "field"}, "Sample ", element("select", {"class": "sample"}, *options)
    )
    boxes = [
        element(
            "div", {"class": "trajectory", "data-sample": row, "hidden": row > 0},
            *(
                _strip(label, gallery, row, order)
                for label, shown in gallery.restored.items()
                if row < len(shown.trajectories)
            ),
        )
        for row in range(count)
    ]  # fmt: skip
    return section(
        "trajectories", "On the way back",
        hint(
            "From noise on the left to the answer on the right: the estimate of the clean signal at several "
            "noise levels, a share of T each, and the likeliest classes there. Bars are probabilities."
        ),
        choice, *boxes,
    )  # fmt: skip


def _strip(label: str, gallery: Gallery, row: int, order: dict[str, int]) -> Html:
    strategy, truth = gallery.strategies[label], gallery.truths[row]
    frames = [_frame(frame, label, truth) for frame in gallery.restored[label].trajectories[row]]
    strip = element(
        "ol",
        {"class": f"strip {_wide(gallery)}", "tabindex": 0, "aria-label": f"Trajectory of {label}"},
        *frames,
    )
    return element(
        "div", {"data-strategy": order.get(strategy)},
        element("h4", None, named_swatch(strategy, label)), strip,
    )  # fmt: skip


def _frame(frame: Frame, label: str, truth: str) -> Html:
    level = f"{100 * frame.level:.0f} %"
    bars = []
    for name, probability in frame.classes[:_CLASSES]:
        mark = "true" if name == truth else None
        width = f"width:{100 * min(1.0, max(0.0, probability)):.0f}%"
        bars.append(
            element(
                "li", {"class": mark}, element("span", {"class": "class"}, name),
                element("span", {"class": "track"}, element("span", {"class": "bar", "style": width})),
                element("span", {"class": "share"}, f"{100 * probability:.0f}"),
            )
        )  # fmt: skip
    return element(
        "li", None, element("span", {"class": "level"}, f"noise {level}"),
        _picture(frame.picture, f"estimate of {label} at noise level {level}"),
        element("ul", {"class": "classes"}, *bars),
    )  # fmt: skip


def _only_right(comparison: Comparison, shown: Sequence[int]) -> Html:
    """Numbers of the samples that one strategy alone gets right; those in the grid are marked."""
    numbers: dict[str, list[int]] = {}
    for one in comparison.only_right:
        numbers.setdefault(one.strategy, []).append(one.number)
    if not numbers:
        return Html("")
    order = {s.strategy: place for place, s in enumerate(comparison.strategies)}
    rows = []
    for strategy, own in sorted(numbers.items()):
        texts = [f"#{n}{'*' if n in shown else ''}" for n in own[:_LISTED]]
        texts += [f"and {len(own) - _LISTED} more"] if len(own) > _LISTED else []
        rows.append(
            element(
                "tr", {"data-strategy": order.get(strategy)},
                element("th", {"scope": "row"}, named_swatch(strategy, strategy)),
                element("td", {"class": "number"}, str(len(own))),
                element("td", {"class": "numbers"}, ", ".join(texts)),
            )
        )  # fmt: skip
    text = f"Of the test {comparison.metric.samples}; all of them are in comparison.json."
    text += " With a star: in the grid above." if shown else ""
    return section(
        "only", "What only one strategy gets right",
        table("Samples that one strategy's named point alone answers rightly",
              ["strategy", "#how many", "samples"], rows),
        hint(text),
    )  # fmt: skip
