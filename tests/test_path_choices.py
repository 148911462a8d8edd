"""The choice of the paths by which networks run: timed once, kept, and the usual one for small networks."""

from functools import partial

import pytest
import torch
from helpers import DIGITS, tiny_task

from trainables.core.errors import DamageWarning
from trainables.evaluation.assembly import assemble
from trainables.evaluation.path_choices import PathChoices, in_words, kept_choices
from trainables.models.run_paths import RunPath
from trainables.task import networks

CPU = torch.device("cpu")


def _choices(folder, dtype=torch.float32, batch=4):
    return PathChoices(folder / "paths.json", CPU, dtype, batch, least_flops=1e7)


def _work(products, size):
    matrix = torch.ones(size, size)
    for _ in range(products):
        matrix @ matrix


def _call_of(slow, made, size=300):
    """Calls of which one path takes three times as long as the others; `made` gets the paths asked for."""

    def call_of(path):
        made.append(path)
        return partial(_work, 3 if path is slow else 1, size)

    return call_of


def test_the_fastest_path_is_timed_once_and_kept(tmp_path):
    made = []
    path = _choices(tmp_path)("denoiser", RunPath.FROZEN, _call_of(RunPath.FROZEN, made))
    assert path is RunPath.CHANNELS_LAST and made
    made.clear()
    again = _choices(tmp_path)("denoiser", RunPath.FROZEN, _call_of(RunPath.CHANNELS_LAST, made))
    assert again is RunPath.CHANNELS_LAST and not made, "another day's timings decide nothing"
    (line,) = in_words(kept_choices(tmp_path / "paths.json"))
    assert "denoiser" in line and "channels_last" in line and "times as fast as frozen" in line


def test_another_network_precision_or_batch_is_another_choice(tmp_path):
    slow_frozen, slow_other = _call_of(RunPath.FROZEN, []), _call_of(RunPath.CHANNELS_LAST, [])
    assert _choices(tmp_path)("one", RunPath.FROZEN, slow_frozen) is RunPath.CHANNELS_LAST
    assert _choices(tmp_path)("two", RunPath.FROZEN, slow_other) is RunPath.FROZEN
    assert _choices(tmp_path, batch=8)("one", RunPath.FROZEN, slow_other) is RunPath.FROZEN
    low = _choices(tmp_path, torch.bfloat16)
    assert low("one", RunPath.PLAIN, slow_other) is RunPath.PLAIN
    assert len(kept_choices(tmp_path / "paths.json")) == 4


def test_a_small_network_takes_the_usual_path(tmp_path):
    small = _call_of(RunPath.FROZEN, [], size=50)
    assert _choices(tmp_path)("small", RunPath.FROZEN, small) is RunPath.FROZEN
    assert not kept_choices(tmp_path / "paths.json")


def test_damaged_choices_are_made_again(tmp_path):
    slow = _call_of(RunPath.FROZEN, [])
    _choices(tmp_path)("denoiser", RunPath.FROZEN, slow)
    (tmp_path / "paths.json").write_text("{")
    with pytest.warns(DamageWarning):
        assert _choices(tmp_path)("denoiser", RunPath.FROZEN, slow) is RunPath.CHANNELS_LAST
    assert len(kept_choices(tmp_path / "paths.json")) == 1


def test_every_network_of_images_has_a_choice_of_its_own(parts, tmp_path):
    task, weights = tiny_task(), {**parts["classifier"], **parts["nested"]}
    classifier = networks.frozen_classifier(DIGITS, task.recipe, weights)
    choices = PathChoices(tmp_path / "paths.json", CPU, torch.float32, 2, least_flops=0)
    assemble(task, DIGITS, classifier, weights, CPU, torch.float32, 2, choices)
    kept = kept_choices(tmp_path / "paths.json")
    names = {choice["network"].split(" of ")[0] for choice in kept.values()}
    assert names == {"signal denoiser", "logit denoiser", "classifier"}
    assert all(choice["usual"] == RunPath.FROZEN for choice in kept.values())
    assert all("batch 2" in key and "float32" in key for key in kept)
