"""The front of a search as it runs: in letters, above the bar, and how often it is recorded."""

import io
from itertools import pairwise
from platform.cli.console import Console
from platform.pipeline.live_front import Throttle

import pytest

from dashboards.text_front import FRONT_LETTERS, text_front
from trainables.scoring.metric_names import METRIC_OF_KIND

IMAGES, SPEECH = METRIC_OF_KIND["image"], METRIC_OF_KIND["speech"]
# Calls rise tenfold along the front; one trial is beaten, another lies far below.
TRIALS = [(0.6, 2.0), (0.7, 20.0), (0.65, 20.0), (0.8, 200.0), (0.2, 60.0)]
AXIS = [
    "       └─┬────┬───┬───┬────┬───┬───┬─",
    "         2    5  10  20   50  100 200",
]


def test_a_front_in_letters():
    assert text_front(TRIALS, IMAGES, 29, 6) == [
        "accuracy, %, by NFE (log scale): ● front so far, · other trials",
        "  81.2 ┤                           ●",
        "       │                           ┃",
        "  72.2 ┤              ●━━━━━━━━━━━━┛",
        "       │              ┃",
        "       │              ·",
        "  58.8 ┤ ●━━━━━━━━━━━━┛     ▾",
        *AXIS,
    ]


def test_fewer_word_errors_are_lower():
    assert text_front(TRIALS, SPEECH, 29, 6) == [
        "WER, % (lower is better), by NFE (log scale): ● front so far, · other trials",
        "  41.2 ┤ ●━━━━━━━━━━━━┓     ▴",
        "       │              ·",
        "  32.2 ┤              ●━━━━━━━━━━━━┓",
        "       │                           ┃",
        "       │                           ┃",
        "  18.8 ┤                           ●",
        *AXIS,
    ]


def test_a_single_trial_is_drawn_and_none_without_calls():
    assert sum(line.count("●") for line in text_front([(0.9, 3.0)], IMAGES)[1:]) == 1
    assert text_front([], IMAGES) == text_front([(0.9, 0.0)], IMAGES) == []


class _Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("columns", "lines", "drawn"), [("80", "24", True), ("50", "24", False), ("80", "10", False)]
)
def test_a_terminal_with_room_shows_the_front_above_the_bar(monkeypatch, columns, lines, drawn):
    for name, value in {"COLUMNS": columns, "LINES": lines, "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    terminal = _Terminal()
    with Console(terminal).bar("trials") as bar:
        bar.update(5, 24, "trials; best accuracy 80.0 %")
        bar.draw(text_front(TRIALS, IMAGES), FRONT_LETTERS, "#0072b2")
    out = terminal.getvalue()
    assert ("front so far" in out) is drawn and "trials; bes" in out


def test_a_pipe_gets_lines_alone():
    pipe = io.StringIO()
    with Console(pipe).bar("trials") as bar:
        bar.draw(text_front(TRIALS, IMAGES), FRONT_LETTERS, "#0072b2")
        bar.update(5, 24)
    assert pipe.getvalue() == ""


def test_it_is_recorded_every_ten_seconds_and_less_often_where_that_is_slow():
    now, times = [0.0], []

    def work():
        times.append(now[0])
        now[0] += cost

    throttle = Throttle(10.0, 0.02, clock=lambda: now[0])
    cost = 0.1
    for _ in range(100):
        throttle.run(work)
        now[0] += 1.0
    assert {round(b - a, 1) for a, b in pairwise(times)} == {10.1} and len(times) == 10
    cost, begin = 1.0, len(times)
    for _ in range(200):
        throttle.run(work)
        now[0] += 1.0
    assert len(times) > begin + 2
    assert min(b - a for a, b in pairwise(times[begin:])) >= 1.0 / 0.02
