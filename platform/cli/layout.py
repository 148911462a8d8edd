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
    """A column of a table: its title and its cells, which are wrapped where they are long if it is `text`."""

    title: str
    cells: tuple[str, ...]
    text: bool

    @property
    def full_width(self) -> int:
        """The width in which each cell, and the title, has one line."""
        return max(len(self.title), self.cell_width)

    @property
    def cell_width(self) -> int:
        """The width in which each cell has one line, and the title as many as it has words, at most."""
        return max(map(len, (*self.title.split(), *self.cells)), default=0)

    @property
    def least_width(self) -> int:
        """The least width that the column is to have."""
        return min(self.cell_width, _LEAST_TEXT) if self.text else self.cell_width


def blocks(
    titles: Sequence[str], rows: Sequence[Sequence[str]], width: int, text: Collection[str] = ()
) -> list[Block]:
    """Lay a table out in as many blocks as are needed.

    Args:
        titles: titles of the columns, the rows' names first.
        rows: the cells of each row; those that are missing at a row's end are empty.
        width: the most letters that a line may have.
        text: titles of the columns that hold words; the others' cells are never wrapped, except in a
            block of their own where even that is too narrow.
    """
    table = list(zip_longest(titles, *rows, fillvalue=""))
    names, *columns = (_Column(title, tuple(cells), title in text) for title, *cells in table)
    side = min(names.full_width, max(1, width // 2))
    layout: list[Block] = []
    while columns or not layout:
        fitting = _fitting_columns(columns, width - side)
        layout.append(_block([names, *fitting], [side, *_widths(fitting, width - side)]))
        columns = columns[len(fitting) :]
    return layout


def _fitting_columns(columns: Sequence[_Column], room: int) -> list[_Column]:
    """The first columns, as many as find room, but one at least."""
    fitting = list(columns[:1])
    room -= sum(_GAP + column.least_width for column in fitting)
    for column in columns[1:]:
        room -= _GAP + column.least_width
        if room < 0:
            break
        fitting.append(column)
    return fitting


def _widths(columns: Sequence[_Column], room: int) -> list[int]:
    """The widths of the columns; spare room goes to text first, then to titles that it makes whole."""
    widths = [max(1, min(column.least_width, room - _GAP)) for column in columns]
    spare = room - sum(width + _GAP for width in widths)
    for place, column in enumerate(columns):
        extra = max(0, min(column.cell_width - widths[place], spare)) if column.text else 0
        widths[place] += extra
        spare -= extra
    for place, column in enumerate(columns):
        extra = column.full_width - widths[place]
        if 0 < extra <= spare:
            widths[place] += extra
            spare -= extra
    return widths


def _block(columns: Sequence[_Column], widths: Sequence[int]) -> Block:
    """The block of these columns; titles that have fewer lines than others stand at the bottom."""
    header = [wrap(column.title, width) for column, width in zip(columns, widths, strict=True)]
    height = max(map(len, header))
    titles = [[""] * (height - len(lines)) + lines for lines in header]
    rows: list[str] = []
    for cells in zip(*(column.cells for column in columns), strict=True):
        wrapped = [
            wrap(cell, width, break_on_hyphens=False)
            for cell, width in zip(cells, widths, strict=True)
        ]
        rows += _lines(columns, wrapped, widths)
    return Block(tuple(_lines(columns, titles, widths)), tuple(rows))


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
