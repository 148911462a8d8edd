"""What is told of a cluster that has no room for the work at hand."""

from platform.backend.room_watch import RoomWatch
from platform.cli.console import Console


def test_each_change_is_told_once(capfd):
    room = iter([True, False, False, True, True, False])
    watch = RoomWatch(Console(), "the search", "a trial", lambda: next(room), "or stop it")
    told = []
    for _ in range(6):
        watch.look()
        told.append(capfd.readouterr().out.strip())
    gone = "nodes have left: no room for a trial; waiting for others to join (or stop it)"
    assert told == ["", gone, "", "there is room again: the search goes on", "", gone]
