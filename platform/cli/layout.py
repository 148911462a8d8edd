"""Tables as lines of text that are no wider than the terminal, with nothing of them cut.

Columns come in the order of what matters. Those that find no room beside the others go into a block of
their own below, where the names of the rows stand again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap

_GAP = 2
_LEAST_TEXT = 40  # letters a line of a column of text


@dataclass(frozen=True)
class Block:
    """Lines of a table: its header and its rows."""

    header: tuple[str, ...]
    rows: tuple[str, ...]


@dataclass(frozen=True)
class _Column:
    """A column: its cells, whether they are text, which is wrapped where it is long, and how it is set."""

    title: str
    cells: tuple[str, ...]
    text: bool

    @property
    def full(self) -> int:
        """The width in which each cell, and the title, has one line."""
        return max(len(self.title), self.by_cells)

    @property
    def by_cells(self) -> int:
        """The width in which each cell has one line, and the title as many as it has words, at most."""
        return max(map(len, (*self.title.split(), *self.cells)), default=0)

    @property
    def least(self) -> int:
        """The least width that it is to have."""
        return min(self.by_cells, _LEAST_TEXT) if self.text else self.by_cells


def blocks(
    titles: Sequence[str], rows: Sequence[Sequence[str]], width: int, text: Collection[str] = ()
) -> list[Block]:
    """A table in as many blocks as are needed.

    Args:
        titles: of the columns, the rows' names first.
        rows: their cells; what is missing at a row's end is empty.
        width: the most that a line may have.
        text: titles of the columns that hold words; the others' cells are never wrapped, except in a
            block of their own where even that is too narrow.
    """
    table = list(zip_longest(titles, *rows, fillvalue=""))
    names, *left = (_Column(title, tuple(cells), title in text) for title, *cells in table)
    side = min(names.full, max(1, width // 2))
    made: list[Block] = []
    while left or not made:
        taken = _taken(left, width - side)
        made.append(_block([names, *taken], [side, *_widths(taken, width - side)]))
        left = left[len(taken) :]
    return made


def _taken(left: Sequence[_Column], room: int) -> list[_Column]:
    """The first columns, as many as find room; one at least."""
    taken = list(left[:1])
    room -= sum(_GAP + column.least for column in taken)
    for column in left[1:]:
        room -= _GAP + column.least
        if room < 0:
            break
        taken.append(column)
    return taken


def _widths(columns: Sequence[_Column], room: int) -> list[int]:
    """Widths: what is to spare goes to text first, then to titles that would be whole."""
    widths = [max(1, min(column.least, room - _GAP)) for column in columns]
    spare = room - sum(width + _GAP for width in widths)
    for place, column in enumerate(columns):
        more = max(0, min(column.by_cells - widths[place], spare)) if column.text else 0
        widths[place] += more
        spare -= more
    for place, column in enumerate(columns):
        more = column.full - widths[place]
        if 0 < more <= spare:
            widths[place] += more
            spare -= more
    return widths


def _block(columns: Sequence[_Column], widths: Sequence[int]) -> Block:
    header = [wrap(column.title, width) for column, width in zip(columns, widths, strict=True)]
    height = max(map(len, header))
    lifted = [[""] * (height - len(lines)) + lines for lines in header]
    rows: list[str] = []
    for cells in zip(*(column.cells for column in columns), strict=True):
        wrapped = [
            wrap(cell, width, break_on_hyphens=False)
            for cell, width in zip(cells, widths, strict=True)
        ]
        rows += _lines(columns, wrapped, widths)
    return Block(tuple(_lines(columns, lifted, widths)), tuple(rows))


def _lines(
    columns: Sequence[_Column], cells: Sequence[Sequence[str]], widths: Sequence[int]
) -> Iterator[str]:
    """The lines of one row, each cell of which has lines."""
    for parts in zip_longest(*cells, fillvalue=""):
        justified = [
            part.ljust(width) if column.text or column is columns[0] else part.rjust(width)
            for part, column, width in zip(parts, columns, widths, strict=True)
        ]
        yield (" " * _GAP).join(justified).rstrip()
