"""HTML made of elements, in which whatever is text is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

_EMPTY = ("img", "input", "meta", "link", "br")  # elements without an end


class Html(str):
    """Text that is HTML already, and not escaped again."""

    __slots__ = ()


Attributes = Mapping[str, object]
"""Attributes of an element: True stands for one without a value; one that is None or False is left out."""


def element(name: str, attributes: Attributes | None = None, *children: str) -> Html:
    """An element; children that are not `Html` are escaped, and so are the attributes' values."""
    inside = "".join(_escaped(child) for child in children)
    start = f"<{name}{_attributes(attributes or {})}>"
    return Html(start if name in _EMPTY else f"{start}{inside}</{name}>")


def together(parts: Iterable[str]) -> Html:
    """Parts one after the other; those that are not `Html` are escaped."""
    return Html("".join(_escaped(part) for part in parts))


def _escaped(text: str) -> str:
    return text if isinstance(text, Html) else html.escape(text)


def _attributes(attributes: Attributes) -> str:
    words = []
    for name, value in attributes.items():
        if value is True:
            words.append(f" {name}")
        elif value is not None and value is not False:
            words.append(f' {name}="{html.escape(str(value))}"')
    return "".join(words)


def table(
    caption: str,
    head: Iterable[str],
    rows: Iterable[Html],
    attributes: Attributes | None = None,
    heard: bool = True,
) -> Html:
    """A table of ready rows in a box of its own, that scrolls where the screen is narrow. Column heads that
    begin with `#` are of numbers, and drawn without it. A caption that is only `heard` is for those who
    do not see the heading above.
    """
    heads = together(
        element(
            "th", {"scope": "col", "class": "number" if text[:1] == "#" else None}, _plain(text)
        )
        for text in head
    )
    return element(
        "div", {"class": "scroll", "tabindex": 0, "role": "group", "aria-label": caption},
        element(
            "table", attributes,
            element("caption", {"class": "heard" if heard else None}, caption),
            element("thead", None, element("tr", None, heads)),
            element("tbody", None, together(rows)),
        ),
    )  # fmt: skip


def _plain(text: str) -> str:
    return text if isinstance(text, Html) else text.removeprefix("#")


def number_cell(text: str) -> Html:
    """A cell of a table that has a number."""
    return element("td", {"class": "number"}, text)


def in_script(text: str) -> Html:
    """JSON that stands in a script element, where no end of the element may be read out of it."""
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(text)
