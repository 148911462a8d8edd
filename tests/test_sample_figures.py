"""Figures 3 and 5: which samples are on them, and that a right answer is told from a wrong one."""

from dataclasses import replace
from platform import reproduce
from platform.reproduction.paper_tables import SAMPLE_FIGURES
from platform.reproduction.sample_figures import CLEAN, CORRUPTED, _chosen

import numpy as np
import pytest
from conftest import run_verb

from dashboards.figure_files import figure_files
from dashboards.samples import AnsweredSamples, answered_grid

METHODS = ["enhanced", "alternating", "parallel", "nested"]


def _samples(answers, truths, channels=1):
    """Samples with the answers of each method, a string of a letter a sample."""
    count = len(truths)
    images = np.linspace(-1.2, 1.2, count * channels * 64).reshape(count, channels, 8, 8)
    pictures = dict.fromkeys((CLEAN, CORRUPTED, *answers), images)
    return AnsweredSamples(pictures, {CORRUPTED: "z" * count} | answers, truths)


def test_figure_3_shows_what_is_answered_differently_and_says_of_how_many():
    """What the classifier makes of the corrupted sample does not count."""
    answers = dict.fromkeys(METHODS, "abcdefghij") | {
        "enhanced": "abXdXfXhij",
        "nested": "abcYefghij",
    }
    rows, note = _chosen(SAMPLE_FIGURES["figure3"], _samples(answers, "abcdefghij"))
    assert rows == [2, 3, 4, 6] and note.startswith("the first 4 of the 4 among 10 test samples")
    many = dict.fromkeys(METHODS, "a" * 20) | {"enhanced": "b" * 20}
    rows, note = _chosen(SAMPLE_FIGURES["figure3"], _samples(many, "a" * 20))
    assert rows == [0, 1, 2, 3, 4, 5] and note.startswith("the first 6 of the 20 among 20")


def test_figure_3_says_where_all_is_answered_alike():
    rows, note = _chosen(SAMPLE_FIGURES["figure3"], _samples(dict.fromkeys(METHODS, "aaa"), "abc"))
    assert rows == [0, 1, 2] and "answer the first 3 test samples alike" in note


def test_figure_5_shows_the_first_samples_as_they_come():
    answers = dict.fromkeys(METHODS, "a" * 10) | {"nested": "a" * 9 + "b"}
    rows, note = _chosen(SAMPLE_FIGURES["figure5"], _samples(answers, "a" * 10))
    assert rows == [0, 1, 2, 3, 4, 5] and note == "the first 6 test samples"


@pytest.mark.parametrize("channels", [1, 3])
def test_right_and_wrong_answers_differ_in_sign_line_and_colour(channels):
    samples = _samples(dict.fromkeys(METHODS, "ab") | {"nested": "aX"}, "ab", channels)
    samples = replace(samples, of_pictures={"nested": "aY"})
    figure = answered_grid("Figure", "two samples", samples.part([1, 0]))
    axes = np.array(figure.axes).reshape(2, 6)
    labels = [[panel.get_xlabel() for panel in line] for line in axes]
    assert labels == [
        ["true: b", "✗ z", "✓ b", "✓ b", "✓ b", "✗ X   f(x̂): ✗ Y"],
        ["true: a", "✗ z", "✓ a", "✓ a", "✓ a", "✓ a   f(x̂): ✓ a"],
    ]
    right, wrong = axes[0, 2].spines["top"], axes[0, 5].spines["top"]
    assert right.get_linestyle() != wrong.get_linestyle()
    assert right.get_edgecolor() != wrong.get_edgecolor()
    assert [panel.get_title() for panel in axes[0]] == [CLEAN, CORRUPTED, *METHODS]
    files = figure_files("figure", figure)
    assert set(files) == {"figure.png", "figure.svg"} and all(files.values())


def test_data_that_are_not_there_are_left_out(tmp_path, capfd):
    words = ["--datasets", "in32-100", "--preset", "smoke", "--storage", str(tmp_path)]
    assert reproduce.main(["figure5", *words]) == 2
    assert "left out: in32-100 needs the file train_data_batch_1" in capfd.readouterr().out


@pytest.mark.slow
def test_figure_3_is_trained_restored_and_kept(smoke_runs, tmp_path):
    words = ["figure3", "--datasets", "digits", "--preset", "smoke", "--storage", smoke_runs]
    _, (drawn,) = run_verb("reproduce", *words, file=tmp_path / "figure.json")
    assert drawn["dataset"] == "digits" and drawn["corruption"] == "gn30"
    assert list(drawn["answers"]) == [CORRUPTED, *METHODS]
    assert list(drawn["answers_of_restored_signals"]) == METHODS[1:]
    assert all(len(texts) == len(drawn["samples"]) for texts in drawn["answers"].values())
    (folder,) = smoke_runs.glob("reproduce/figure3-*")
    for name in ("figure3-digits-gn30.png", "figure3-digits-gn30.svg", "samples.json"):
        assert (folder / name).stat().st_size > 0
