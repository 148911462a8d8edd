"""Files that are written whole: who may read them, and what is left where writing fails."""

import os

import pytest

from trainables.core.files import write_whole


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_who_may_read_a_file_follows_from_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "new", b"one")
        (tmp_path / "closed").write_bytes(b"old")
        (tmp_path / "closed").chmod(0o600)
        write_whole(tmp_path / "closed", b"two")
    finally:
        os.umask(before)
    for name, content in (("new", b"one"), ("closed", b"two")):
        assert (tmp_path / name).read_bytes() == content
        assert (tmp_path / name).stat().st_mode & 0o777 == mode
    assert {path.name for path in tmp_path.iterdir()} == {"new", "closed"}


def test_a_file_that_cannot_take_its_place_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken" / "full").mkdir(parents=True)
    with pytest.raises(OSError):
        write_whole(tmp_path / "taken", b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
