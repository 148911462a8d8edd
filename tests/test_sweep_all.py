"""Sweeps of several strategies, and of a hundred classes of colour images, as a user runs them: smoke size,
real everything.
"""

from pathlib import Path

import pytest
from conftest import asset, run_verb

pytestmark = pytest.mark.long(11)


@pytest.mark.slow
def test_a_sweep_of_several_strategies_compares_them(smoke_runs, tmp_path):
    """One of each kind: of coupled trajectories, of two points after one another, of labels, of classifiers
    alone, of gradients.
    """
    searched = ["alternating", "cascade-nested", "didicm-cp", "ensemble", "guided"]
    words = (",".join(searched), "digits", "--preset", "smoke", "--trials", "1")
    where = ("--storage", smoke_runs)
    output, summary = run_verb("sweep", *words, *where, file=tmp_path / "all.json")
    for name in searched:
        assert f"{name} (best on validation)" in output
    assert [plan["strategy"] for plan in summary["plans"]] == searched
    assert {plan["trials"] for plan in summary["plans"]} == {1}
    (folder,) = smoke_runs.glob("sweeps/digits/gn30/all-*")
    assert (folder / "fronts.png").stat().st_size > 0 and (folder / "points.csv").exists()


@pytest.mark.slow
@pytest.mark.assets
def test_a_hundred_classes_of_colour_images_go_the_whole_way(tmp_path):
    data = asset("COUPLED_DATA", "cifar100-subset")
    words = ("parallel", "folder", "--data-dir", data, "--preset", "smoke", "--trials", "2")
    place = ("--storage", tmp_path / "runs")
    output, summary = run_verb("sweep", *words, *place, file=tmp_path / "sweep.json")
    assert "parallel on cifar100-subset, gn30" in output
    assert {p["strategy"] for p in summary["baselines"]} == {
        "noisy",
        "enhanced",
        "card",
        "retrained",
    }
    assert Path(summary["files"]["samples.png"]).stat().st_size > 0
