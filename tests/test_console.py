"""The terminal belongs to the console; everything else goes to the log, also under a progress bar."""

import io
import os
import subprocess
import sys
from platform.cli.console import Console, chatter_to

import pytest


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


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
