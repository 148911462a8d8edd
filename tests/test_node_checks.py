"""Nodes of a cluster that cannot take part are refused before anything starts, each by its name."""

import os
from dataclasses import replace
from platform.backend import node_checks
from platform.cli.packages import requirements
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest

from trainables.core.errors import UsageError
from trainables.workers.node import Places, node_report

HERE = node_report(["torch", "rich"], Places("/s", "m", "x"))


def _setup(folder, **changes):
    plan = Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, str(folder), "sqlite:///x.db")
    return setup_of(replace(plan, **changes))


def _places(folder, *paths):
    (folder / ".seen").write_text("abc")
    return Places(str(folder), ".seen", "abc", tuple(map(str, paths)))


def test_a_node_tells_its_versions_and_what_it_sees(tmp_path):
    data = tmp_path / "data"
    (data / "train").mkdir(parents=True)
    (data / "test").touch()
    places = _places(tmp_path, data, data / "test", tmp_path / "none")
    report = node_report(["torch", "no-such-package"], places)
    assert report.releases["no-such-package"] is None
    assert report.releases["torch"] and "+" not in report.releases["torch"]
    assert report.storage_fault == ""
    assert report.entries == {
        str(data): ("test", "train"), str(data / "test"): (), str(tmp_path / "none"): None,
    }  # fmt: skip


def test_a_storage_that_is_another_one_is_told_by_its_marker(tmp_path):
    places = _places(tmp_path)
    for other, fault in {
        replace(places, storage=str(tmp_path / "none")): "is not there",
        replace(places, marker=".other"): "is another directory there",
        replace(places, marked="of another sweep"): "is another directory there",
    }.items():
        assert node_report([], other).storage_fault == fault
    assert not [name for name in os.listdir(tmp_path) if name != ".seen"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"python": "3.11.99"}, ""),
        ({"python": "3.12.1"}, "has Python 3.12.1, the driver 3.11."),
        (
            {"releases": {"torch": None, "rich": None}},
            "lacks torch, rich: run there: pip install -c",
        ),
        (
            {"releases": HERE.releases | {"torch": "1.0"}},
            f"has torch 1.0 (the driver {HERE.releases['torch']}): run there: pip",
        ),
        ({"storage_fault": "is not there"}, "does not share the storage: /s is not there; name a"),
        ({"entries": {"/d": None}}, "does not see /d: put it there"),
        ({"entries": {"/d": ("a",)}}, "has no b in /d, which the driver's node has"),
        ({"entries": {"/d": ("a", "b", "c")}}, ""),
    ],
)
def test_what_a_node_lacks_is_said_in_few_words(changes, fault):
    here = replace(HERE, storage_fault="", entries={"/d": ("a", "b")})
    node = replace(here, **changes)
    said = node_checks.fault_of(node, here, Places("/s", "m", "x"))
    assert said.startswith(fault) and bool(said) == bool(fault)


def test_all_nodes_that_differ_are_named_and_the_marker_is_taken_away(tmp_path, monkeypatch):
    setup, asked = _setup(tmp_path / "runs"), []

    def reports(nodes, places):
        asked.append(places)
        assert (tmp_path / "runs" / places.marker).read_text() == places.marked
        good = node_report([*requirements()], places)
        apart = replace(good, storage_fault="is another directory there")
        return {"a": good, "b": apart, "c": apart, "d": "starts no process within 120 s: look"}

    monkeypatch.setattr(node_checks, "_reports", reports)
    names = {"a": "one (10.0.0.1)", "b": "two (10.0.0.2)", "c": "three (10.0.0.3)", "d": "four"}
    with pytest.raises(UsageError) as refusal:
        node_checks.check_nodes(setup, names)
    assert str(refusal.value) == (
        f"node three (10.0.0.3), node two (10.0.0.2) does not share the storage: {tmp_path}/runs is another "
        "directory there; name a directory that all nodes share by --storage, such as one of NFS; node four "
        "starts no process within 120 s: look"
    )
    node_checks.check_nodes(setup, {})
    assert len(asked) == 1 and not list((tmp_path / "runs").iterdir())


def test_the_files_that_a_plan_names_are_looked_for(tmp_path, monkeypatch):
    data = tmp_path / "data"
    data.mkdir()
    setup, asked = _setup(tmp_path / "runs", data_dir=str(data)), []

    def reports(nodes, places):
        asked.append(places)
        return {node: node_report([*requirements()], places) for node in nodes}

    monkeypatch.setattr(node_checks, "_reports", reports)
    node_checks.check_nodes(setup, {"a": "one"})
    assert asked[0].paths == (str(data),)
