"""The terminal belongs to the console; everything else goes to the log, also under a progress bar."""

import io
import os
import re
import subprocess
import sys
import time
from platform.cli.console import Console, chatter_to

import pytest
from rich.text import Text


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _seen(stream):
    """What a terminal was sent, without its colours, line by line, overwritten ones too."""
    plain = Text.from_ansi(stream.getvalue().replace("\r", "\n")).plain
    return [line for line in plain.split("\n") if line.strip()]


@pytest.mark.parametrize("stream", [io.StringIO(), _Terminal()])
def test_a_bar_leaves_the_standard_streams_alone(stream):
    """Otherwise what Ray prints would come back to the terminal."""
    streams = sys.stdout, sys.stderr
    with Console(stream).bar("trials") as bar:
        bar.update(1, 3)
        assert (sys.stdout, sys.stderr) == streams


def test_without_a_terminal_progress_is_plain_lines(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("platform.cli.console._LINE_EVERY", 0.0)
    with Console(stream).bar("trials") as bar:
        bar.update(1, 3)
        bar.update(2, 3, "trials; best 90 %")
    assert stream.getvalue() == "          trials: 1 of 3\n          trials; best 90 %: 2 of 3\n"


def test_progress_that_stands_still_is_told_once(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("platform.cli.console._LINE_EVERY", 0.0)
    with Console(stream).bar("trials") as bar:
        for done in (1, 1, 1, 2, 2):
            bar.update(done, 3)
    assert stream.getvalue() == "          trials: 1 of 3\n          trials: 2 of 3\n"


def test_progress_that_stands_still_shows_life_until_it_is_over(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("platform.cli.console._SIGN_EVERY", 0.1)
    with Console(stream).bar("trials") as bar:
        while stream.getvalue().count("\n") < 2:
            time.sleep(0.01)
        bar.update(1, 3)  # too soon after the last line for one of its own
        while "1 of 3" not in stream.getvalue():
            time.sleep(0.01)
    written = stream.getvalue()
    assert re.fullmatch(
        r"( {10}trials, after 0 min\n)+( {10}trials: 1 of 3, after 0 min\n)+", written
    )
    time.sleep(0.3)
    assert stream.getvalue() == written


@pytest.mark.parametrize("width", [60, 80, 200])
def test_on_a_terminal_of_any_width_the_bar_and_the_count_are_seen(width):
    stream = _Terminal()
    said = "training nested: loss 1.112, on validation 1.215 (accuracy 16 %), update"
    with Console(stream, width).bar("starting") as bar:
        bar.update(120, 2500, said)
    lines = _seen(stream)
    assert all(len(line) <= width for line in lines)
    assert "━━━━" in lines[-1] and "120/2500" in lines[-1] and "training nested" in lines[-1]
    assert (said in lines[-1]) == (width == 200)


def test_each_tells_how_many_are_done(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("platform.cli.console._LINE_EVERY", 0.0)
    with Console(stream).bar("files") as bar:
        assert list(bar.each("ab", "logging")) == ["a", "b"]
    assert [line.strip() for line in stream.getvalue().splitlines()] == [
        f"logging: {done} of 2" for done in (0, 1, 2)
    ]


def test_loading_is_told_on_a_terminal_alone():
    terminal, file = _Terminal(), io.StringIO()
    for stream in (terminal, file):
        with Console(stream).loading():
            pass
    assert "loading" in terminal.getvalue() and file.getvalue() == ""


def test_chatter_of_this_process_and_of_its_children_goes_to_the_log(tmp_path, capfd):
    log = tmp_path / "deep" / "sweep.log"
    with chatter_to(log):
        os.write(1, b"ours\n")
        os.write(2, b"from below\n")
        subprocess.run([sys.executable, "-c", "print('a child')"], check=True)
    os.write(1, b"after\n")
    assert sorted(log.read_text().splitlines()) == ["a child", "from below", "ours"]
    assert capfd.readouterr() == ("after\n", "")


def test_steps_are_timed():
    stream = io.StringIO()
    console = Console(stream)
    with console.step("plan", "1/5 planning"):
        pass
    assert console.seconds["plan"] >= 0 and "1/5 planning" in stream.getvalue()


def test_long_lines_are_not_cut():
    stream = io.StringIO()
    Console(stream).line("x" * 500)
    assert stream.getvalue() == "x" * 500 + "\n"


def test_a_log_of_what_libraries_say_has_no_password(tmp_path):
    log = tmp_path / "sweep.log"
    with chatter_to(log):
        os.write(1, b"no answer from http://me:hidden@127.0.0.1:5000/api \xff\n")
    assert log.read_bytes() == b"no answer from http://me:***@127.0.0.1:5000/api \xff\n"
