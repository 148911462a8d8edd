"""Files of a sweep that are drawn already are known by what they were drawn from, run and bytes."""

from platform.pipeline.drawn import drawn_files, keep_drawn

import pytest

from trainables.core.errors import DamageWarning


@pytest.fixture
def folder(tmp_path):
    """A folder with two files that were drawn under the key "key" and attached to the run "run"."""
    files = {"front.png": b"a picture", "front.csv": b"numbers"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    keep_drawn(tmp_path, "key", "run", {name: tmp_path / name for name in files})
    return tmp_path


def test_what_has_not_changed_is_drawn_already(folder):
    files = drawn_files(folder, "key", "run")
    assert files == {"front.png": folder / "front.png", "front.csv": folder / "front.csv"}
    assert list(files) == ["front.png", "front.csv"]


@pytest.mark.parametrize(("key", "run"), [("other", "run"), ("key", "other")])
def test_other_points_or_another_run_are_drawn(folder, key, run):
    assert drawn_files(folder, key, run) is None


def test_a_file_that_is_gone_or_changed_is_drawn_again(folder):
    (folder / "front.csv").write_bytes(b"other numbers")
    assert drawn_files(folder, "key", "run") is None
    (folder / "front.csv").unlink()
    assert drawn_files(folder, "key", "run") is None


def test_what_was_never_drawn_is_drawn(tmp_path):
    assert drawn_files(tmp_path, "key", "run") is None


def test_a_damaged_list_is_put_aside(folder):
    (folder / "drawn.json").write_text("{")
    with pytest.warns(DamageWarning, match="drawn again"):
        assert drawn_files(folder, "key", "run") is None
    assert (folder / "drawn.json.damaged-1").exists()
