"""Starting the signal denoiser of speech from a checkpoint that SGMSE published."""

from dataclasses import replace
from platform import sweep
from platform.cli.flags import sweep_parser
from platform.cli.next_commands import common_flags
from platform.cli.plans import plan_of
from platform.planning.setup import setup_of

import pytest
import torch
from speech_files import write_fsdd
from speech_task import (
    NETWORK,
    load_digits,
    longer,
    sgmse_checkpoint,
    speech_task,
    train,
    write_whisper,
)

from trainables.core.config import as_mapping, from_mapping, identity
from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.diffusion.ouve import OUVE_16K
from trainables.models.speech.ncsnpp.config import NCSNPP, NCSNPP_48K, NCSNppConfig
from trainables.models.speech.ncsnpp.network import NCSNpp
from trainables.task import networks
from trainables.task.recipe import Task
from trainables.training import stages
from trainables.training.objective import Context
from trainables.training.part_store import in_order, key_of

TINY = NCSNppConfig(base=8, multipliers=(1, 2), blocks=1, attention=(1,), condition_width=8)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("sgmse")
    write_whisper(root / "whisper.pt")
    return root


@pytest.fixture(scope="module")
def dataset(root):
    return load_digits(root)


@pytest.fixture(scope="module")
def published(root):
    """A checkpoint in the published layout, and the averaged weights in it by name."""
    network = NCSNpp(None, OUVE_16K, TINY)
    torch.save(sgmse_checkpoint(network), root / "tiny.ckpt")
    return root / "tiny.ckpt", {name: w + 1 for name, w in network.state_dict().items()}


@pytest.fixture(scope="module")
def task(root, published):
    """As a worker is given it; `untrained` is the same without a checkpoint."""
    config = replace(TINY, checkpoint=str(published[0]), content="tiny")
    task = speech_task(root / "whisper.pt", signal=config, loss_weighting="noise")
    return from_mapping(Task, as_mapping(task))


@pytest.fixture(scope="module")
def untrained(task):
    return longer(task, signal=TINY)


@pytest.fixture(scope="module")
def done(task, dataset):
    return {"classifier": train("classifier", task, dataset, {})}


def test_before_the_first_update_the_weights_are_the_checkpoints(
    task, untrained, dataset, published, done
):
    objective = stages.load("signal").build(Context(task, dataset, done))
    state = objective.signal.state_dict()
    for name, weight in published[1].items():
        assert torch.equal(state[name], weight)
    beside = {name for name in state if name not in published[1]}
    assert beside and all(name.startswith("condition.") for name in beside)
    new = stages.load("signal").build(Context(untrained, dataset, done)).signal.state_dict()
    assert not torch.equal(new["output_layer.bias"], state["output_layer.bias"])
    y = torch.randn(2, 10, generator=generator_of("y"))
    x_t, x_cor = torch.randn(2, 2, *dataset.signal_shape, generator=generator_of("x"))
    outputs = [
        objective.signal(x_t, torch.tensor([0.5]), x_cor, objective.signal.encode_logits(given, 2))
        for given in (None, y)
    ]
    torch.testing.assert_close(*outputs)  # the condition begins by changing nothing


@pytest.mark.slow
def test_training_goes_on_from_them(task, dataset, published, done):
    slow = train("signal", longer(task, learning_rate=1e-8), dataset, done)
    for name, weight in published[1].items():
        torch.testing.assert_close(slow["signal"][name], weight, atol=1e-6, rtol=1e-6)
    part = train("signal", task, dataset, done)
    bias = part["signal"]["output_layer.bias"]
    assert not torch.equal(bias, published[1]["output_layer.bias"])
    torch.testing.assert_close(bias, published[1]["output_layer.bias"], atol=0.02, rtol=0)
    away = replace(task.recipe.signal, checkpoint="/gone.ckpt")  # a finished part needs no file
    elsewhere = longer(task, signal=away)
    networks.fetch_pretrained(elsewhere.recipe, ("enhanced",))
    restored = networks.signal_denoiser(dataset, elsewhere.recipe, part)
    assert torch.equal(restored.output_layer.bias, bias)
    slow_on = longer(elsewhere, learning_rate=1e-8)
    enhanced = train("enhanced", slow_on, dataset, done | {"signal": part})
    torch.testing.assert_close(enhanced["signal"]["output_layer.bias"], bias, atol=1e-6, rtol=0)


def test_what_is_in_the_checkpoint_identifies_a_part_and_its_place_does_not(task, untrained):
    moved = longer(task, signal=replace(task.recipe.signal, checkpoint="/elsewhere.ckpt"))
    other = longer(task, signal=replace(task.recipe.signal, content="another"))
    for kind in stages.names("word"):
        begun = "signal" in in_order([kind])
        assert key_of(kind, moved) == key_of(kind, task)
        assert (key_of(kind, other) != key_of(kind, task)) == begun
        assert (key_of(kind, untrained) != key_of(kind, task)) == begun
    without = as_mapping(NETWORK)  # what is identified is what it was before there were checkpoints
    assert without.pop("checkpoint") is None and without.pop("content") == ""
    assert identity(NETWORK) == without


def test_a_checkpoint_of_another_size_is_refused_before_training(
    task, dataset, published, root, done
):
    other = replace(task.recipe.signal, base=16)
    message = (
        r"tiny\.ckpt has all_modules.0.W of shape \(8,\), but the network's is \(16,\): name one"
    )
    with pytest.raises(UsageError, match=message):
        networks.fetch_pretrained(longer(task, signal=other).recipe, ("signal", "nested"))
    with pytest.raises(UsageError, match=message):
        stages.load("signal").build(Context(longer(task, signal=other), dataset, done))
    (root / "cut.ckpt").write_bytes(published[0].read_bytes()[:-500])
    cut = longer(task, signal=replace(task.recipe.signal, checkpoint=str(root / "cut.ckpt")))
    with pytest.raises(UsageError, match=r"cut\.ckpt cannot be read as a checkpoint"):
        networks.fetch_pretrained(cut.recipe, ("signal",))
    networks.fetch_pretrained(task.recipe, ("signal",))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"spread": 0.1}, r"cannot start from a\.ckpt with a spread or a patch"),
        ({"patch": 2}, r"cannot start from a\.ckpt with a spread or a patch"),
        ({"content": ""}, r"starts from a\.ckpt, but what is in it is not told"),
    ],
)
def test_a_checkpoint_without_a_meaning_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        replace(TINY, **({"checkpoint": "a.ckpt", "content": "a"} | given))


# ---- the command line


@pytest.fixture(scope="module")
def words(root):
    write_fsdd(root / "spoken")
    return ["nested", "fsdd-babble", "--data-dir", str(root / "spoken"), "--storage",
            str(root / "runs"), "--whisper", str(root / "whisper.pt")]  # fmt: skip


@pytest.mark.parametrize(
    ("preset", "file", "message"),
    [
        ("paper", "none.ckpt", "none.ckpt is no file: name a checkpoint published by SGMSE"),
        ("quick", "tiny.ckpt", "tiny.ckpt holds a network of a published size, which that of the "
         "preset 'quick' is not: choose --preset standard or paper"),
        ("paper", "tiny.ckpt", "tiny.ckpt has all_modules.0.W of shape (8,), but the network's is (128,)"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_line(preset, file, message, words, published, capfd):
    given = ["--preset", preset, "--sgmse", str(published[0].parent / file), "--dry-run"]
    assert sweep.main([*words, *given]) == 2
    error = capfd.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error


def test_it_is_refused_for_images(published, tmp_path, capfd):
    given = ["--preset", "paper", "--sgmse", str(published[0]), "--storage", str(tmp_path)]
    assert sweep.main(["nested", "digits", *given]) == 2
    error = capfd.readouterr().err
    assert "tiny.ckpt holds a network of speech, but the dataset is of images" in error
    assert error.startswith("error: ") and error.count("\n") == 1


def test_a_plan_names_it_and_is_another_with_it(words, published):
    file = str(published[0])
    plans = [
        setup_of(plan_of(sweep_parser().parse_args([*words, "--preset", "paper", *more])))
        for more in ([], ["--sgmse", file])
    ]
    flags = list(common_flags(plans[1]))
    assert flags[flags.index("--sgmse") + 1] == file and "--sgmse" not in common_flags(plans[0])
    assert plans[0].sweep_id != plans[1].sweep_id
    assert plans[0].task.recipe.signal == NCSNPP
    assert plans[1].task.recipe.signal.checkpoint == file
    assert NCSNPP.as_published and NCSNPP_48K.as_published
