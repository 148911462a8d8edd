"""Training: the loop's resumption and its shares, the store of parts."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import DIGITS, tiny_recipe, tiny_task, train
from torch.optim.swa_utils import AveragedModel

from trainables.core.config import as_mapping, from_mapping
from trainables.core.errors import DamageWarning, NonFiniteError, UsageError
from trainables.models.scale import LogitScale
from trainables.task import networks
from trainables.task.recipe import Recipe, Task
from trainables.training import loop, stages
from trainables.training.batches import Batches, Draws, Share
from trainables.training.loop import learning_rate
from trainables.training.objective import Context
from trainables.training.part_store import PartStore, in_order, key_of, origin
from trainables.training.validation import validated, validation_batch


@pytest.mark.parametrize("kind", stages.names())
def test_every_stage_trains_its_part_and_its_losses_are_reported(kind, parts):
    reports = []
    weights = train(kind, tiny_task(), parts, report=reports.append)
    assert reports[-1].update == reports[-1].updates
    for report in reports:
        assert {"loss", "validation_loss"} <= set(report.metrics)
        assert report.checkpoint is not None
    for name, state in weights.items():
        for key, value in state.items():
            torch.testing.assert_close(value, parts[kind][name][key], msg=f"{kind} {name} {key}")
            assert value.is_contiguous(), "stored as usual, however it was laid out in training"


@pytest.mark.parametrize("kind", stages.names())
def test_a_resumed_training_ends_as_one_that_never_stopped(kind, parts):
    reports = []
    whole = train(kind, tiny_task(), parts, report=lambda r: reports.append(copy.deepcopy(r)))
    middle = reports[len(reports) // 2 - 1]
    assert 0 < middle.update < middle.updates
    resumed = train(kind, tiny_task(), parts, checkpoint=middle.checkpoint)
    for name, state in whole.items():
        for key, value in state.items():
            torch.testing.assert_close(resumed[name][key], value, atol=1e-6, rtol=1e-5)


def test_what_the_classifier_learns_is_kept(parts):
    frozen = networks.frozen_classifier(DIGITS, tiny_recipe(), parts["classifier"])
    y = torch.cat([frozen(chunk) for chunk in DIGITS.train.clean().split(512)])
    torch.testing.assert_close(y.mean(0), torch.zeros(10), atol=1e-3, rtol=0)
    assert float(y.square().mean().sqrt()) == pytest.approx(1.0, abs=1e-3)
    assert float(y.abs().max()) == pytest.approx(float(frozen.scale.largest), rel=1e-3)


def test_logit_scale_round_trip():
    scale = LogitScale(4)
    logits = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1
    scale.fit(logits)
    torch.testing.assert_close(scale.restored(scale.standardised(logits)), logits)
    # one deviation for all classes: differences between classes keep their proportions
    d = scale.standardised(logits[:1] + 1.0) - scale.standardised(logits[:1])
    torch.testing.assert_close(d, torch.full_like(d, float(d[0, 0])))


def test_shares_of_two_workers_make_the_whole_batch():
    task = tiny_task()
    whole = Batches(task, DIGITS.train, Share()).batch(7)
    halves = [Batches(task, DIGITS.train, Share(rank, 2)).batch(7) for rank in (0, 1)]
    for name in ("x0", "x_cor", "labels"):
        interleaved = torch.stack([getattr(half, name) for half in halves], dim=1).flatten(0, 1)
        assert torch.equal(interleaved, getattr(whole, name))
    draws = [Draws(0, "k", 3, 16, Share(rank, 2)).levels(9) for rank in (0, 1)]
    both = torch.stack(draws, dim=1).flatten()
    assert torch.equal(both, Draws(0, "k", 3, 16, Share()).levels(9))


def test_an_epoch_shows_every_sample_once():
    task = tiny_task(batch=19)  # 63 batches of 19 are 1197
    batches = Batches(task, DIGITS.train, Share())
    labels = torch.cat([batches.batch(n).labels for n in range(63)])
    assert torch.equal(labels.bincount(), DIGITS.train.labels.bincount())


def test_a_batch_goes_on_where_the_one_before_it_ended_also_across_epochs():
    task = tiny_task(batch=1000)  # of 1197 samples, so most batches have rows of two epochs
    batches = Batches(task, DIGITS.train, Share())
    orders = [batches._order(epoch) for epoch in range(4)]
    rows = torch.cat([batches._rows(number) for number in (2, 0, 1, 3)])
    expected = torch.cat(orders)[:4000].reshape(4, 1000)[[2, 0, 1, 3]].flatten()
    assert torch.equal(rows, expected)


def test_what_is_validated_is_classified_once(parts):
    task = tiny_task()
    context = Context(task, DIGITS, {need: parts[need] for need in stages.parts_given("logit")})
    objective = stages.load("logit").build(context)
    batch = validation_batch(objective, context, torch.device("cpu"))
    kept = objective.classifier_outputs(batch)
    fresh = objective.classifier_outputs(replace(batch, outputs=None))
    for name in ("y0", "y_cor", "evidence"):
        assert torch.equal(getattr(kept, name), getattr(fresh, name))
    calls = []
    objective.classifier.network.register_forward_hook(lambda *call: calls.append(call))
    validated(objective, batch, "logit", context, torch.device("cpu"))
    assert not calls


def test_weights_are_averaged_as_torch_averages_them():
    generator, networks_ = torch.Generator().manual_seed(0), []
    for _ in range(2):
        network = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
        network[0].weight.data.fill_(1.0), network[0].bias.data.fill_(2.0)
        networks_.append(network)

    @torch.no_grad()
    def lerp(averaged, current, count):
        decay = min(0.6, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averaged, current, 1 - decay)

    theirs = AveragedModel(networks_[0], multi_avg_fn=lerp)
    run = loop._Run(networks_[1], networks_[1], AveragedModel(networks_[1]), None, None)
    for count in range(12):
        for values in zip(*(network.state_dict().values() for network in networks_), strict=True):
            if values[0].is_floating_point():
                values[0].copy_(torch.randn(values[0].shape, generator=generator))
            values[1].copy_(values[0])
        theirs.update_parameters(networks_[0])
        loop._average(run, count, 0.6)
        for name, value in theirs.state_dict().items():
            assert torch.equal(run.averaged.state_dict()[name], value), name


def test_learning_rate_warms_up_and_decays():
    rates = [learning_rate(i / 100, 1.0) for i in range(100)]
    assert rates[0] < 0.05 and max(rates) == pytest.approx(1.0, abs=0.02) and rates[-1] < 0.001
    assert rates.index(max(rates)) <= 6


def test_a_training_that_diverges_says_so(parts):
    with pytest.raises(NonFiniteError, match="learning_rate"):
        task = tiny_task()
        broken = {
            "classifier": {
                n: {k: v * float("nan") for k, v in s.items()}
                for n, s in parts["classifier"].items()
            }
        }
        train("logit", task, broken)


def test_parts_are_keyed_by_what_produced_them():
    task = tiny_task()
    assert key_of("nested", task) == key_of("nested", tiny_task())
    other = Task("digits", "blur", 0, tiny_recipe())
    assert key_of("classifier", other) == key_of("classifier", task)  # trained on clean images
    assert key_of("signal", other) != key_of("signal", task)
    assert key_of("signal", Task("digits", "gn30", 1, tiny_recipe())) != key_of("signal", task)
    longer = tiny_task(sampling_steps=3)
    assert key_of("nested", longer) != key_of("nested", task)
    assert key_of("signal", longer) == key_of("signal", task)
    assert origin("nested", task)["needs"]["signal"] == key_of("signal", task)


def test_kinds_come_after_what_they_need():
    assert in_order(["nested"]) == ["classifier", "signal", "logit", "nested"]
    assert in_order(["enhanced"]) == ["classifier", "signal", "enhanced"]


def test_the_store_keeps_loads_and_says_what_is_missing(tmp_path, parts):
    store, task = PartStore(tmp_path), tiny_task()
    wanted = ["classifier", "nested", "enhanced"]
    assert store.missing(wanted, task) == ["classifier", "signal", "logit", "nested", "enhanced"]
    for kind in ("classifier", "signal"):
        store.save(kind, task, parts[kind], {"seconds": 1})
    assert store.missing(wanted, task) == ["logit", "nested", "enhanced"]
    loaded = store.load("signal", task)
    assert torch.equal(loaded["signal"]["out.bias"], parts["signal"]["signal"]["out.bias"])
    with pytest.raises(UsageError, match="has not been trained"):
        store.load("nested", task)
    store.save("nested", task, parts["nested"], {})
    assert store.missing(wanted, task) == ["enhanced"]  # what nested needed is not needed any more


@pytest.mark.parametrize("name", ["weights.pt", "part.json"])
def test_a_flipped_bit_anywhere_in_a_part_is_seen(tmp_path, parts, name):
    store, task = PartStore(tmp_path), tiny_task()
    folder = store.save("signal", task, parts["signal"], {"seconds": 12.5})
    content = (folder / name).read_bytes()
    places = torch.randint(8 * len(content), (40,), generator=torch.Generator().manual_seed(1))
    for place in places.tolist():
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        (folder / name).write_bytes(damaged)
        with pytest.raises(UsageError, match=f"{name} is damaged .*trains it anew"):
            store.load("signal", task)
    (folder / name).write_bytes(content)
    assert store.load("signal", task)


@pytest.mark.parametrize("damage", [lambda f: f.write_bytes(f.read_bytes()[:99]), Path.unlink])
def test_a_damaged_part_is_put_aside_and_missing(tmp_path, parts, damage):
    store, task = PartStore(tmp_path), tiny_task()
    for kind in ("classifier", "signal"):
        folder = store.save(kind, task, parts[kind], {})
    damage(folder / "weights.pt")
    with pytest.warns(DamageWarning, match="put aside as .*damaged-1, and the part is trained"):
        store.put_damaged_aside(["enhanced"], task)
    assert store.missing(["enhanced"], task) == ["signal", "enhanced"]
    assert not folder.exists() and folder.with_name(f"{folder.name}.damaged-1").is_dir()


def test_a_part_with_code_in_it_is_not_executed(tmp_path, parts):
    class Evil:
        def __reduce__(self):
            return (Path(tmp_path / "owned").write_text, ("x",))

    store, task = PartStore(tmp_path), tiny_task()
    folder = store.save("signal", task, parts["signal"], {})
    torch.save({"signal": Evil()}, folder / "weights.pt")
    with pytest.raises(Exception, match=r"[Ww]eights"):
        store.load("signal", task)
    assert not (tmp_path / "owned").exists()


def test_weights_that_do_not_fit_are_refused(parts):
    weights = {"signal": dict(parts["signal"]["signal"])}
    weights["signal"].pop("out.bias")
    with pytest.raises(RuntimeError, match=r"out\.bias"):
        networks.signal_denoiser(DIGITS, tiny_recipe(), weights)


def test_a_task_survives_the_way_to_a_worker():
    task = tiny_task()
    assert from_mapping(Task, as_mapping(task)) == task
    with pytest.raises(UsageError, match="did you mean 'batch'"):
        from_mapping(Recipe, as_mapping(task.recipe) | {"batches": 3})
