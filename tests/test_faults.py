"""The short version of the fault suite, and that the suite itself can find something."""

import subprocess
import sys

import pytest
from conftest import ROOT, clean_environment

from tests.faults import ROWS, main
from tests.faults_bench import Counts

# Damaged files: no moment of it depends on how fast the machine is, as those of the other rows do.
pytestmark = pytest.mark.long(5)
_ROWS = ("flips", "journals", "cuts")


@pytest.mark.slow
def test_the_short_fault_suite_is_clean(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--short", "--folder", str(tmp_path), "--only", *_ROWS],
        cwd=ROOT, capture_output=True, text=True, env=clean_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_wrong_is_counted_and_shown(tmp_path, capsys, monkeypatch):
    def wrong(bench, times):
        counts = Counts(times=times)
        counts.wrong("trial 3 is gone", "lost")
        return counts

    monkeypatch.setitem(ROWS, "flips", (wrong, 5, 5))
    warm = tmp_path / "warm"
    (warm / "parts").mkdir(parents=True)
    (warm / "sweeps").mkdir()
    (warm / "sweeps" / "trials.jsonl").write_text("")
    words = ["--only", "flips", "--warm", str(warm), "--folder", str(tmp_path), "--seed", "7"]
    assert main(words) == 1
    shown = capsys.readouterr().out
    assert "seed 7" in shown and "lost: trial 3 is gone" in shown
    (row,) = [line.split() for line in shown.split("\n") if line.startswith("flips")]
    assert row[1:8] == ["5", "1", "0", "0", "0", "0", "0"]
