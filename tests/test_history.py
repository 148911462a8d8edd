"""The history of a training: what Ray Train passes on is kept, and what is missing at its end is told."""

from platform.pipeline.prepare import _whole

import pytest

from trainables.core.checked_lines import read_lines
from trainables.core.places import place
from trainables.workers.history import LINES, History


def _lines(*updates):
    return [
        {"kind": "signal", "update": n, "updates": 4, "seconds": 1.0, "metrics": {"loss": 1 / n}}
        for n in updates
    ]


def _report(history, *updates):
    """What two workers report at a time: the first one's lines, and that the other one is there."""
    history.after_report(None, [{LINES: _lines(*updates)}, {LINES: []}], None)


def test_reports_are_kept_in_order(tmp_path):
    history = History(str(tmp_path / "history.jsonl"))
    _report(history, 1, 2)
    _report(history)
    _report(history, 3)
    assert read_lines(tmp_path / "history.jsonl") == _lines(1, 2, 3)


def test_what_cannot_be_written_comes_with_the_next_report(tmp_path):
    history = History(str(tmp_path / "away" / "history.jsonl"))
    _report(history, 1)
    (tmp_path / "away").mkdir()
    _report(history, 2)
    assert read_lines(tmp_path / "away" / "history.jsonl") == _lines(1, 2)


def test_a_history_that_was_cut_off_ends_as_its_part_says():
    facts = {"seconds": 9.0, "metrics": {"loss": 0.1}}
    end = {"kind": "signal", "update": 4, "updates": 4, "seconds": 9.0, "metrics": {"loss": 0.1}}
    assert _whole(_lines(1, 2), facts) == [*_lines(1, 2), end]
    assert _whole(_lines(1, 4), facts) == _lines(1, 4)


def test_with_a_checkpoint_the_file_goes_to_the_object_store(tmp_path):
    pytest.importorskip("upath", reason="the extra `s3` is not installed")
    copy = f"memory://bucket/{tmp_path.name}/history.jsonl"
    history = History(str(tmp_path / "history.jsonl"), copy)
    _report(history, 1)
    assert not place(copy).exists()
    history.after_report(None, [{LINES: _lines(2)}], object())
    assert place(copy).read_bytes() == (tmp_path / "history.jsonl").read_bytes()
