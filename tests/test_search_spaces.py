"""A search space as data: what changes it, and what does not."""

import subprocess
import sys

import optuna
import pytest
from conftest import clean_environment

import search_spaces
from trainables.core.config import digest

TINY = """
def suggest(trial, T, kind):
    point = {"steps": trial.suggest_int("steps", 1, T, log=True), "eta": 0.0, "source": "x"}
    point["share"] = trial.suggest_float("share", 0.0, 1.0, step=0.25)
    if point["share"] > 0.25:
        point["source"] = trial.suggest_categorical("source", ("x", "y"))
        point["eta"] = 2 * trial.suggest_float("eta", 0.0, 0.5)
    return point
"""


def _space(text=TINY, change=("", "")):
    assert change[0] in text
    scope = {}
    exec(text.replace(*change), scope)
    return scope["suggest"]


def _digest(*change, T=20):
    return digest(search_spaces.description_of(_space(TINY, change or ("", "")), T, "image"))


@pytest.mark.parametrize(
    "change",
    [
        ('"steps", 1, T', '"steps", 2, T'),
        ('"steps", 1, T', '"steps", 1, T + 1'),
        (", log=True", ""),
        ("step=0.25", "step=0.5"),
        (", step=0.25", ""),
        ("1.0, step", "0.75, step"),
        ("0.0, 0.5)", "0.0, 0.5, step=0.01)"),
        ('("x", "y")', '("y", "x")'),
        ('("x", "y")', '("x", "y", "z")'),
        ('al("source"', 'al("origin"'),
        ("> 0.25", "> 0.5"),
        ("> 0.25", ">= 0.25"),
        ('"eta": 0.0', '"eta": 0.1'),
        ("2 * trial", "1.99 * trial"),
        ("return point", 'point["steps"] = min(point["steps"], 19)\n    return point'),
        ("return point", 'return {**point, "chains": 1}'),
    ],
)
def test_another_space_is_described_otherwise(change):
    assert _digest(*change) != _digest()


@pytest.mark.parametrize(
    "change",
    [
        ("def suggest", "# the space\ndef suggest"),
        ("    return point", "    # all of it\n    found = dict(point)\n    return found"),
        ("trial, T, kind", "one, T, kind=None"),
        ("2 * trial", "(1 + 1) * trial"),
        ("> 0.25", "> 0.3"),  # shares are quarters
    ],
)
def test_the_same_space_in_other_words_is_described_the_same(change):
    text = TINY.replace(*change)
    if "one, T" in text:
        text = text.replace("trial.", "one.")
    space = _space(text)
    assert digest(search_spaces.description_of(space, 20, "image")) == _digest()


def test_it_depends_on_the_levels_and_names_every_path():
    assert _digest(T=21) != _digest()
    description = search_spaces.description_of(_space(), 20, "image")
    assert [[question[0] for question in path] for path in description["paths"]] == [
        ["steps", "share"],
        ["steps", "share", "source", "eta"],
    ]
    assert description["paths"][0] == [
        ["steps", "int", 1, 20, 1, True],
        ["share", "float", 0.0, 1.0, 0.25, False],
    ]
    assert description["paths"][1][2] == ["source", "categorical", ["x", "y"]]
    steps = {answers[0] for _, answers, _ in description["points"]}
    assert {1, 20} <= steps and len(steps) > 5


def test_another_process_with_another_order_of_hashes_finds_the_same(root):
    code = (
        "import search_spaces; from trainables.core.config import digest; "
        "print(digest([search_spaces.description(name, 6, kind) "
        "for name in search_spaces.names() for kind in ('image', 'speech')]))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root, capture_output=True, text=True, check=True,
            env=clean_environment(PYTHONHASHSEED=seed),
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1 and digests != {""}


@pytest.mark.parametrize("name", search_spaces.names())
@pytest.mark.parametrize("kind", ["image", "speech"])
def test_every_point_of_a_description_is_one_of_the_strategy(name, kind):
    description = search_spaces.description(name, 6, kind)
    for path, answers, point in description["points"]:
        names = [question[0] for question in description["paths"][path]]
        trial = optuna.trial.FixedTrial(dict(zip(names, answers, strict=True)))
        assert search_spaces.load(name).suggest(trial, 6, kind) == point
