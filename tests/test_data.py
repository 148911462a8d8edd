"""Datasets and corruptions: one contract each, and what is known of single members."""

from pathlib import Path

import pytest
import torch

from trainables.core.errors import UsageError
from trainables.core.noise import BatchNoise, SampleNoise, generator_of
from trainables.core.pixel_scale import PixelScale, pixel_scale
from trainables.data import corruptions, datasets
from trainables.data.augment import Augmentation, augment
from trainables.data.dataset import stratified


def test_digits_are_scikit_learns():
    dataset = datasets.load("digits", Path("unused"))
    assert [len(dataset.split(s)) for s in ("train", "validation", "test")] == [1197, 200, 400]
    assert dataset.signal_shape == (1, 8, 8) and len(dataset.classes) == 10
    from sklearn.datasets import load_digits

    bunch, test = load_digits(), dataset.test
    expected = torch.tensor(bunch.images[test.numbers.numpy()], dtype=torch.float32) / 8 - 1
    assert torch.equal(test.clean()[:, 0], expected)
    assert test.labels.tolist() == bunch.target[test.numbers.numpy()].tolist()


def test_splits_have_classes_in_proportion():
    labels = torch.arange(1000) % 10
    parts = stratified(labels, (600, 200, 100), seed=3)
    for part in parts:
        counts = torch.bincount(labels[part], minlength=10)
        assert int(counts.max() - counts.min()) <= 3
    other = stratified(labels, (600, 200, 100), seed=4)
    assert not torch.equal(parts[0], other[0])
    with pytest.raises(UsageError, match="more than the 1000"):
        stratified(labels, (900, 200, 0), seed=3)


@pytest.mark.parametrize("name", corruptions.names())
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 12)])
def test_every_corruption_keeps_the_contract(name, shape):
    corrupt = corruptions.load(name)
    x0 = torch.rand(6, *shape, generator=generator_of("x")) * 2 - 1
    kept, scale = x0.clone(), pixel_scale(x0)
    whole = corrupt(x0, scale, SampleNoise(5, range(6)))
    assert whole.shape == x0.shape and whole.dtype == x0.dtype and torch.equal(x0, kept)
    assert torch.equal(whole, x0) == (name == "none")
    some = corrupt(x0[[4, 1]], scale, SampleNoise(5, [4, 1]))
    torch.testing.assert_close(some, whole[[4, 1]])  # neither neighbours nor batch matter
    training = corrupt(x0, scale, BatchNoise(generator_of("train"), 6))
    assert training.shape == x0.shape


@pytest.mark.parametrize(("name", "fraction"), [("gn15", 0.15), ("gn30", 0.30), ("gn45", 0.45)])
def test_white_noise_is_standard_normal_in_standardised_units(name, fraction):
    mean, deviation = (-0.6, 0.0, 0.3), (0.2, 0.5, 1.0)
    x0 = torch.full((400, 3, 16, 16), 0.25)
    x_cor = corruptions.load(name)(x0, PixelScale(mean, deviation), SampleNoise(0, range(400)))
    changed = x_cor != x0
    assert float(changed.float().mean()) == pytest.approx(fraction, abs=0.005)
    together = changed.all(dim=1).float().mean()  # each channel of a pixel is replaced by itself
    assert float(together) == pytest.approx(fraction**3, abs=0.003)
    for channel, (centre, spread) in enumerate(zip(mean, deviation, strict=True)):
        standardised = (x_cor[:, channel][changed[:, channel]] - centre) / spread
        assert float(standardised.mean()) == pytest.approx(0.0, abs=0.02)
        assert float(standardised.std()) == pytest.approx(1.0, abs=0.02)
        beyond = (standardised.abs() > 1.96).float().mean()
        assert float(beyond) == pytest.approx(0.05, abs=0.005)


def test_the_scale_is_that_of_the_training_split():
    dataset = datasets.load("digits", Path("unused"))
    train = dataset.train.clean()
    for name in ("train", "validation", "test"):
        scale = dataset.split(name).scale
        assert scale.mean == pytest.approx([float(train.mean())], abs=1e-6)
        assert scale.deviation == pytest.approx([float(train.std(correction=0))], abs=1e-6)


def test_bytes_and_floats_have_the_same_scale():
    images = torch.randint(0, 256, (50, 3, 7, 5), generator=generator_of("x")).byte()
    of_bytes, of_floats = pixel_scale(images), pixel_scale(images.float() / 127.5 - 1)
    assert of_bytes.mean == pytest.approx(of_floats.mean, abs=1e-6)
    assert of_bytes.deviation == pytest.approx(of_floats.deviation, abs=1e-6)
    assert pixel_scale(torch.zeros(2, 1, 4, 4)) == PixelScale((0.0,), (0.0,))


def test_blur_is_a_gaussian_kernel():
    x0 = torch.zeros(1, 1, 9, 9)
    x0[0, 0, 4, 4] = 1.0
    blurred = corruptions.load("blur")(x0, PixelScale((0.0,), (1.0,)), SampleNoise(0, [0]))[0, 0]
    line = torch.exp(-(torch.arange(-2.0, 3.0) ** 2) / (2 * 2.0**2))
    kernel = torch.outer(line, line) / line.sum() ** 2
    torch.testing.assert_close(blurred[2:7, 2:7], kernel)
    assert float(blurred.sum()) == pytest.approx(1.0)


def test_unknown_corruption_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'gn30'"):
        corruptions.load("gn3")


def test_noise_belongs_to_seed_stream_and_sample():
    noise = SampleNoise(1, [3, 7])
    first = noise.split("a").normal((4,))
    assert torch.equal(first, noise.split("a").normal((4,)))
    assert not torch.equal(first, noise.split("b").normal((4,)))
    assert not torch.equal(first, SampleNoise(2, [3, 7]).split("a").normal((4,)))
    assert torch.equal(first[1], SampleNoise(1, [7]).split("a").normal((4,))[0])


def test_augmentation_moves_images_and_none_is_the_identity():
    x = datasets.load("digits", Path("unused")).train.clean()[:32]
    assert torch.equal(augment(x, Augmentation(), generator_of("a")), x)
    moved = augment(x, Augmentation(rotation=10, scale=0.1, shift=1.0), generator_of("a"))
    assert moved.shape == x.shape and not torch.equal(moved, x)
    assert -1 - 1e-5 <= float(moved.min()) and float(moved.max()) <= 1 + 1e-5
    assert torch.equal(moved, augment(x, Augmentation(10, 0.1, 1.0), generator_of("a")))
    flipped = augment(x, Augmentation(flip=1.0), generator_of("a"))
    torch.testing.assert_close(flipped, x.flip(-1), atol=1e-5, rtol=0)
    with pytest.raises(UsageError, match="flip is 2"):
        Augmentation(flip=2.0)
