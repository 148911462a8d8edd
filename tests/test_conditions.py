"""Reduced resolution and the share of the training split: what they do, and what they are kept under."""

from dataclasses import replace
from platform.cli.flags import sweep_parser
from platform.cli.next_commands import compare_flags
from platform.cli.plans import plan_of
from platform.planning import presets
from platform.planning.plan import Plan
from platform.planning.setup import setup_of

import pytest
import torch
from helpers import DIGITS, tiny_task

from trainables.core.config import identity
from trainables.core.errors import UsageError
from trainables.core.noise import SampleNoise, generator_of
from trainables.data.dataset import Facts
from trainables.data.degradation import Degradation, degradation_of, path_name
from trainables.data.resolution import degraded, reduced
from trainables.data.train_fraction import fraction_rows, with_train_fraction
from trainables.evaluation.evaluator import Evaluator
from trainables.evaluation.measurement import Sampling, measurement_config
from trainables.evaluation.storage import Storage
from trainables.task.recipe import Task
from trainables.training import stages
from trainables.training.batches import Batches, Share
from trainables.training.part_store import key_of, origin

SAMPLING = Sampling("test", 10, 0)


def test_half_the_resolution_is_what_a_computation_by_hand_gives():
    """Down by two: a triangle over four pixels, weights 1, 3, 3, 1, of which the border cuts one off. Up by
    two: new pixels lie a quarter of the way between the old ones.
    """
    row = torch.tensor([0.0, 8.0, 16.0, 80.0])
    left = (3 * 0 + 3 * 8 + 16) / 7
    right = (8 + 3 * 16 + 3 * 80) / 7
    expected = [left, 0.75 * left + 0.25 * right, 0.25 * left + 0.75 * right, right]
    image = row.expand(1, 1, 4, 4)
    for images in (image, image.mT):
        found = reduced(images, 0.5)
        found = found if images is image else found.mT
        torch.testing.assert_close(found, torch.tensor(expected).expand(1, 1, 4, 4))


def test_whole_resolution_is_the_identity_and_nothing_else_is():
    x = torch.rand(3, 3, 12, 10, generator=generator_of("x"))
    assert reduced(x, 1.0) is x
    for resolution in (0.5, 0.25, 0.7):
        once = reduced(x, resolution)
        assert once.shape == x.shape and not torch.equal(once, x)
        assert torch.equal(once, reduced(x, resolution))
    level = torch.full((1, 1, 8, 8), 0.3)
    torch.testing.assert_close(reduced(level, 0.25), level)
    with pytest.raises(UsageError, match="leaves 1×1 pixels of 8×8"):
        reduced(level, 0.1)


def test_images_are_corrupted_first_and_then_reduced():
    split, rows = DIGITS.test.first(4), slice(None)
    noise = SampleNoise(0, split.numbers.tolist())
    x_cor = split.corrupted(split.clean(), rows, "gn30", noise)
    seen = degraded(
        split, split.clean(), rows, Degradation("gn30", 0.5), SampleNoise(0, noise.indices)
    )
    torch.testing.assert_close(seen, reduced(x_cor, 0.5))
    alone = degraded(split, split.clean(), rows, Degradation("none", 0.5), noise)
    torch.testing.assert_close(alone, reduced(split.clean(), 0.5))


def test_training_and_measurement_see_the_same_resolution():
    task = replace(tiny_task(), resolution=0.5)
    batch = Batches(task, DIGITS.train, Share()).batch(0)
    whole = Batches(tiny_task(), DIGITS.train, Share()).batch(0)
    assert torch.equal(batch.x0, whole.x0)
    torch.testing.assert_close(batch.x_cor, reduced(whole.x_cor, 0.5))


def test_a_measurement_at_a_resolution_samples_from_reduced_signals(tmp_path, trained):
    task = replace(tiny_task(), resolution=0.5)
    for store_task in (task, tiny_task()):
        Storage(str(tmp_path)).parts.save("classifier", store_task, trained, {})
    evaluators = [
        Evaluator(t, "noisy", Storage(str(tmp_path)), 10, torch.device("cpu"), dataset=DIGITS)
        for t in (task, tiny_task())
    ]
    _, seen = evaluators[0].sample({}, SAMPLING)
    _, whole = evaluators[1].sample({}, SAMPLING)
    _, tested = evaluators[1].sample({}, replace(SAMPLING, tested=Degradation("gn30", 0.5)))
    torch.testing.assert_close(seen, reduced(whole, 0.5))
    assert torch.equal(seen, tested)


@pytest.fixture(scope="module")
def trained():
    from helpers import train

    return train("classifier", tiny_task(), {})


def test_fractions_are_nested_balanced_and_the_same_again():
    labels = DIGITS.train.labels
    quarter, half = fraction_rows(labels, 0.25), fraction_rows(labels, 0.5)
    assert len(quarter) == round(0.25 * len(labels)) and len(half) == round(0.5 * len(labels))
    assert set(quarter.tolist()) < set(half.tolist())
    assert torch.equal(quarter, fraction_rows(labels, 0.25))
    for rows in (quarter, half):
        assert torch.equal(rows, rows.unique())
        shares = torch.bincount(labels[rows]) / torch.bincount(labels)
        assert float((shares - len(rows) / len(labels)).abs().max()) < 0.02


def test_only_the_training_split_becomes_smaller():
    part = with_train_fraction(DIGITS, 0.25)
    rows = fraction_rows(DIGITS.train.labels, 0.25)
    assert torch.equal(part.train.numbers, DIGITS.train.numbers[rows])
    assert part.train.scale == DIGITS.train.scale
    assert part.validation is DIGITS.validation and part.test is DIGITS.test
    assert with_train_fraction(DIGITS, 1.0) is DIGITS
    with pytest.raises(UsageError, match="leaves 1 of 1197 training samples, but 10 are needed"):
        with_train_fraction(DIGITS, 0.001)
    task = replace(tiny_task(), train_fraction=0.25)
    stored = Storage("/nowhere").dataset(task)
    assert torch.equal(stored.train.numbers, part.train.numbers)


def test_each_setting_is_in_the_keys_of_the_parts_that_it_shapes():
    task = tiny_task()
    low, few = replace(task, resolution=0.5), replace(task, train_fraction=0.5)
    for kind in stages.names():
        corrupted = stages.load(kind).USES_CORRUPTION
        assert (key_of(kind, low) != key_of(kind, task)) == corrupted, kind
        assert key_of(kind, few) != key_of(kind, task)
        assert not {"resolution", "train_fraction"} & set(origin(kind, task))
    parts = Storage("/s").parts
    assert parts.folder("signal", task).name == f"signal-gn30-{key_of('signal', task)}"
    name = parts.folder("signal", replace(low, train_fraction=0.5)).name
    assert name.startswith("signal-gn30-resolution-0.5-train-fraction-0.5-")
    assert parts.folder("classifier", low) == parts.folder("classifier", task)


def test_what_earlier_releases_stored_is_found_under_the_same_keys():
    """These are the keys that releases without resolution and training share gave."""
    task = Task("digits", "gn30", 0, tiny_task().recipe)
    assert identity(task).keys() == {"dataset", "corruption", "seed", "recipe", "content"}
    config = measurement_config(task, "noisy", {}, SAMPLING)
    assert config.keys() == {
        "format", "strategy", "schedule", "dataset", "content", "corruption", "T", "parts", "split",
        "limit", "seed", "precision",
    }  # fmt: skip
    own = replace(SAMPLING, tested=Degradation("gn30"))
    assert measurement_config(task, "noisy", {}, own) == config
    other = measurement_config(task, "noisy", {}, replace(SAMPLING, tested=Degradation("blur")))
    assert other == config | {"tested": {"corruption": "blur", "resolution": 1.0}}
    low = measurement_config(replace(task, resolution=0.5), "noisy", {}, SAMPLING)
    assert low == config | {"resolution": 0.5}


@pytest.fixture
def plan(tmp_path):
    places = str(tmp_path), "sqlite:///x.db"
    return Plan("nested", "digits", "gn30", "smoke", 4, 0, 1, 0.0, *places)


def test_sweeps_of_another_condition_have_folders_and_ids_of_their_own(plan, tmp_path):
    setup = setup_of(plan)
    assert setup.folder.parent == tmp_path / "sweeps" / "digits" / "gn30"
    assert "gn30 (preset smoke" in setup.setting
    other = setup_of(replace(plan, resolution=0.5, train_fraction=0.25))
    name = "gn30-resolution-0.5-train-fraction-0.25"
    assert other.folder.parent == tmp_path / "sweeps" / "digits" / name
    assert other.sweep_id != setup.sweep_id
    assert "gn30, resolution 0.5, train fraction 0.25 (preset smoke" in other.setting
    ids = {setup_of(replace(plan, **changes)).sweep_id
           for changes in ({"resolution": 0.5}, {"train_fraction": 0.5})}  # fmt: skip
    assert len(ids | {setup.sweep_id, other.sweep_id}) == 4


def test_impossible_shares_are_refused_before_anything_starts(plan):
    for (name, share), message in {
        ("resolution", 0.0): "--resolution is 0, but must be above 0",
        ("resolution", 1.5): "--resolution is 1.5, but must be above 0 and at most 1",
        ("resolution", float("nan")): "--resolution is nan",
        ("train_fraction", -1.0): "--train-fraction is -1",
        ("resolution", 0.1): "leaves 1×1 pixels of 8×8",
        ("train_fraction", 0.001): "leaves 1 of 1197 training samples",
    }.items():
        with pytest.raises(UsageError, match=message):
            setup_of(replace(plan, **{name: share}))


def test_the_command_line_names_them_and_prints_them_again(tmp_path):
    words = ["nested", "digits", "--storage", str(tmp_path), "--resolution", "0.5"]
    plan = plan_of(sweep_parser().parse_args([*words, "--train-fraction", "0.25"]))
    assert (plan.resolution, plan.train_fraction) == (0.5, 0.25)
    flags = list(compare_flags(setup_of(plan)))
    assert flags[:4] == ["--resolution", "0.5", "--train-fraction", "0.25"]
    usual = plan_of(sweep_parser().parse_args(words[:4]))
    assert "--resolution" not in compare_flags(setup_of(usual))


def test_degradations_are_written_and_named():
    for written, text, path in (
        ("gn30", "gn30", "gn30"),
        ("none@0.5", "resolution 0.5", "resolution-0.5"),
        ("gn30@0.25", "gn30, resolution 0.25", "gn30-resolution-0.25"),
    ):
        degradation = degradation_of(written)
        assert (degradation.written, degradation.text) == (written, text)
        assert path_name(degradation.text) == path
    with pytest.raises(UsageError, match="the resolution in 'gn30@low' is no number"):
        degradation_of("gn30@low")
    with pytest.raises(UsageError, match="at most 1"):
        degradation_of("gn30@2")


def test_speech_has_no_resolution():
    facts = Facts("words", (2, 256, 64), 10, kind="speech", samples=16_000, rate=16_000)
    recipe = presets.preset("smoke", facts).recipe
    assert (
        Task("words", "reverb", 0, recipe, train_fraction=0.5).condition
        == "reverb, train fraction 0.5"
    )
    with pytest.raises(UsageError, match="speech has none"):
        Task("words", "reverb", 0, recipe, resolution=0.5)
