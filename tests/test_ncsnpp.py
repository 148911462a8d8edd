"""NCSN++ against the published network: names, shapes, values; loading its checkpoints; conditions."""

import io
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from speech_task import sgmse_checkpoint

from trainables.core.errors import UsageError
from trainables.core.noise import generator_of
from trainables.diffusion.ouve import OUVE, OUVE_16K, OUVE_48K
from trainables.models.speech.ncsnpp.checkpoint import load_sgmse
from trainables.models.speech.ncsnpp.config import NCSNPP, NCSNPP_48K, NCSNppConfig
from trainables.models.speech.ncsnpp.layers import down, up
from trainables.models.speech.ncsnpp.network import NCSNpp

PUBLISHED = {"ncsnpp": (NCSNPP, OUVE_16K), "ncsnpp_48k": (NCSNPP_48K, OUVE_48K)}
SMALL = {
    "ncsnpp": NCSNppConfig(base=16, multipliers=(1, 2, 2), blocks=1, attention=(1,)),
    "ncsnpp_48k": replace(NCSNPP_48K, base=16, multipliers=(1, 2, 2), blocks=1),
}
COARSE = NCSNppConfig(
    base=32, multipliers=(1, 1, 2), blocks=1, attention=(), pyramids=False, spread=0.1, patch=4,
    condition_width=64,
)  # fmt: skip
TINY = NCSNppConfig(base=8, multipliers=(1, 2), blocks=1, attention=(1,), condition_width=8)


def _published_names(name):
    text = (Path(__file__).parent / "ncsnpp_names.txt").read_text().split(f"[{name}]\n")[1]
    lines = text.split("[")[0].splitlines()
    return [(line.split()[0], tuple(map(int, line.split()[1].split("x")))) for line in lines]


def _wave(shape, phase, scale=0.2):
    """Numbers that anyone can make again."""
    count = torch.Size(shape).numel()
    turns = torch.arange(count, dtype=torch.float64) ** 2 * 1.7
    return (torch.sin(turns + phase) * scale).reshape(shape)


def _fill(network):
    """Every weight of the published network, in its order, a wave of its own phase."""
    state = network.state_dict()
    names = [name for name in state if not name.startswith("condition.")]
    network.load_state_dict(state | {n: _wave(state[n].shape, k) for k, n in enumerate(names)})
    return network.eval()


def _run(network, y=None, frames=16, t=0.6):
    x_t, x_cor = _wave((1, 2, 32, frames), 1.0), _wave((1, 2, 32, frames), 2.0)
    x_t, x_cor = (x.to(network.output_layer.weight) for x in (x_t, x_cor))
    with torch.no_grad():
        logits = network.encode_logits(y, 1)
        return network(x_t, torch.tensor([t]), network.encode_corrupted(x_cor), logits)


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_and_shapes_are_the_published_ones_in_their_order(name):
    with torch.device("meta"):
        network = NCSNpp(None, PUBLISHED[name][1], PUBLISHED[name][0])
    ours = [(key, tuple(value.shape)) for key, value in network.state_dict().items()]
    assert ours == _published_names(name)


@pytest.mark.parametrize(
    ("name", "mean", "values"),
    [
        (
            "ncsnpp",
            0.2756648110449791,
            (-0.2518946628356469, 0.31420323074270085, -0.19489616037016058, 0.48624690221630906),
        ),
        (
            "ncsnpp_48k",
            0.23375600011820752,
            (-0.29822916118166055, -0.11532693221792209, -0.3304266765827831, -0.05240171902140430),
        ),
    ],
)
def test_values_are_those_of_the_published_network(name, mean, values):
    """Made by SGMSE's own network of this size in double precision: its score at t = 0.6, the real
    parts first. A real part's score is twice that, and its deviation smaller by sqrt(2).
    """
    process = PUBLISHED[name][1]
    network = _fill(NCSNpp(None, process, SMALL[name]).double())
    score = _run(network)[0] / (2 * float(process.deviation(0.6)))
    places = [(0, 0, 0), (1, 5, 7), (0, 31, 15), (1, 16, 8)]
    assert float(score.abs().mean()) == pytest.approx(mean, rel=1e-6)
    assert [float(score[place]) for place in places] == pytest.approx(list(values), rel=1e-5)


def test_resampling_by_hand():
    """Taps (1, 3, 3, 1), zero beyond the map's edge."""
    column = torch.tensor([1.0, 2.0, 3.0, 4.0])
    h = column[:, None].expand(-1, 4)[None, None]
    inner = (1 * 1.0 + 3 * 2.0 + 3 * 3.0 + 1 * 4.0) / 8  # rows 0 to 3 about the edge of 1 and 2
    padded = [0.0, *column.tolist(), 0.0]
    want = [
        sum(w * v for w, v in zip((1, 3, 3, 1), padded[i : i + 4], strict=True)) / 8 for i in (0, 2)
    ]
    assert inner == pytest.approx(2.5)
    rows = down(h)[0, 0]
    edge = 7 / 8  # along the other axis, all ones: 3 + 3 + 1 of 8
    assert rows[:, 0].tolist() == pytest.approx([w * edge for w in want])
    twice = up(torch.tensor([[[[2.0, 6.0], [2.0, 6.0]]]]))[0, 0]
    assert twice.shape == (4, 4)
    assert twice[1].tolist() == pytest.approx([1.5, 3.0, 5.0, 4.5])  # 3/4 near, 1/4 far
    assert twice[0].tolist() == pytest.approx([0.75 * v for v in (1.5, 3.0, 5.0, 4.5)])


# ---- checkpoints


def _save(tmp_path, content, name="sgmse.ckpt"):
    torch.save(content, tmp_path / name)
    return tmp_path / name


def _published_part(network):
    return {k: v for k, v in network.state_dict().items() if not k.startswith("condition.")}


@pytest.mark.parametrize("average", [True, False])
def test_a_checkpoint_is_loaded_and_the_condition_stays(tmp_path, average):
    source = NCSNpp(None, OUVE_16K, TINY)
    path = _save(tmp_path, sgmse_checkpoint(source))
    network = NCSNpp(10, OUVE_16K, TINY)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    load_sgmse(path, network, average)
    for name, value in source.state_dict().items():
        assert torch.equal(network.state_dict()[name], value + 1 if average else value)
    beside = [k for k in before if k.startswith("condition.")]
    assert beside and all(torch.equal(network.state_dict()[k], before[k]) for k in beside)


def test_averages_without_the_fixed_frequencies_are_taken_too(tmp_path):
    source = NCSNpp(None, OUVE_16K, TINY)
    state = source.state_dict()
    shadow = [value + 1 for name, value in state.items() if name != "all_modules.0.W"]
    network = NCSNpp(None, OUVE_16K, TINY)
    load_sgmse(_save(tmp_path, sgmse_checkpoint(source, ema={"shadow_params": shadow})), network)
    assert torch.equal(network.state_dict()["all_modules.0.W"], state["all_modules.0.W"])
    assert torch.equal(network.output_layer.bias, state["output_layer.bias"] + 1)


def test_classes_that_a_checkpoint_names_are_neither_imported_nor_run(tmp_path, monkeypatch):
    """Published files name their data module's class; others might hold worse."""
    module = types.ModuleType("foreign_data")
    ran = []

    class Specs:
        def __init__(self, folder="."):
            self.folder = folder

        def __reduce__(self):
            return _make, (Specs, "elsewhere"), {"folder": "/data"}

    def _make(cls, folder):
        ran.append(folder)
        return cls(folder)

    for thing in (Specs, _make):
        thing.__module__, thing.__qualname__ = "foreign_data", thing.__name__
        setattr(module, thing.__name__, thing)
    monkeypatch.setitem(sys.modules, "foreign_data", module)
    source = NCSNpp(None, OUVE_16K, TINY)
    extras = {"class": Specs, "made": Specs()}
    path = _save(tmp_path, sgmse_checkpoint(source, hyper_parameters=extras))
    monkeypatch.delitem(sys.modules, "foreign_data")
    network = NCSNpp(None, OUVE_16K, TINY)
    load_sgmse(path, network)
    assert torch.equal(network.output_layer.bias, source.output_layer.bias + 1)
    assert not ran and "foreign_data" not in sys.modules


def test_what_cannot_be_left_out_safely_is_refused(tmp_path, monkeypatch):
    class Settings(dict):
        pass

    Settings.__module__, Settings.__qualname__ = "foreign_data", "Settings"
    module = types.ModuleType("foreign_data")
    module.Settings = Settings
    monkeypatch.setitem(sys.modules, "foreign_data", module)
    content = sgmse_checkpoint(NCSNpp(None, OUVE_16K, TINY), hyper_parameters=Settings(lr=1e-4))
    _refused(tmp_path, content, "cannot be read as a checkpoint safely")


def _refused(tmp_path, content, message, network=None):
    path = content if isinstance(content, Path) else _save(tmp_path, content)
    network = network or NCSNpp(10, OUVE_16K, TINY)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(UsageError, match=message) as caught:
        load_sgmse(path, network)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_checkpoints_that_do_not_fit_are_refused(tmp_path):
    source = NCSNpp(None, OUVE_16K, TINY)
    good = sgmse_checkpoint(source)
    lacking = {k: v for k, v in good["state_dict"].items() if k != "dnn.all_modules.4.Conv_0.bias"}
    _refused(tmp_path, good | {"state_dict": lacking}, r"lacks all_modules.4.Conv_0.bias \(8,\)")
    extra = good["state_dict"] | {"dnn.all_modules.99.W": torch.zeros(3)}
    _refused(
        tmp_path, good | {"state_dict": extra}, r"has all_modules.99.W, which the network lacks"
    )
    larger = sgmse_checkpoint(NCSNpp(None, OUVE_16K, replace(TINY, base=16)))
    _refused(tmp_path, larger, r"all_modules.0.W of shape \(16,\), but the network's is \(8,\)")
    _refused(tmp_path, sgmse_checkpoint(source, prefix="net."), "must begin with 'dnn.'")
    _refused(tmp_path, {"weights": 1}, "has no state_dict, but weights")
    _refused(tmp_path, [1, 2], "holds a list")
    _refused(tmp_path, good | {"ema": None}, "has no moving average")
    _refused(
        tmp_path, good | {"ema": {"shadow_params": good["ema"]["shadow_params"][:-2]}}, "97|for"
    )
    swapped = good["ema"]["shadow_params"][::-1]
    _refused(tmp_path, good | {"ema": {"shadow_params": swapped}}, "another shape than the weight")


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    _refused(tmp_path, tmp_path / "none.ckpt", "there is no file")
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    _refused(tmp_path, tmp_path / "text.ckpt", "cannot be read as a checkpoint")
    buffer = io.BytesIO()
    torch.save(sgmse_checkpoint(NCSNpp(None, OUVE_16K, TINY)), buffer)
    (tmp_path / "cut.ckpt").write_bytes(buffer.getvalue()[:-2000])
    _refused(tmp_path, tmp_path / "cut.ckpt", "cannot be read as a checkpoint")


# ---- conditions


@pytest.mark.parametrize("condition", ["film", "fusion"])
@pytest.mark.parametrize("shape", [(1, 5), (1, 3, 5)])
def test_a_new_condition_changes_nothing_and_a_trained_one_something(condition, shape):
    network = NCSNpp(5, OUVE_16K, replace(SMALL["ncsnpp"], condition=condition))
    _fill(network)
    y = torch.randn(shape, generator=generator_of("y"))
    absent = _run(network)
    torch.testing.assert_close(_run(network, y), absent)
    for parameter in network.condition.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    torch.testing.assert_close(_run(network), absent)  # still, where there are no logits
    present = _run(network, y)
    assert (present - absent).abs().max() > 1e-3
    assert (_run(network, -y) - present).abs().max() > 1e-4
    if len(shape) == 3:  # the order of the decoding steps matters
        assert (_run(network, y.flip(1)) - present).abs().max() > 1e-6


def test_logits_for_a_network_without_a_condition_are_refused():
    network = NCSNpp(None, OUVE_16K, TINY)
    assert network.encode_logits(None, 2) is None
    with pytest.raises(UsageError, match="has no condition"):
        network.encode_logits(torch.zeros(2, 5), 2)


# ---- training and sizes


@pytest.mark.parametrize("condition", ["film", "fusion"])
def test_gradients_reach_every_trained_parameter(condition):
    config = replace(COARSE, base=8, patch=2, condition=condition, pyramids=True)
    network = NCSNpp(4, OUVE_16K, config)
    for parameter in network.parameters():  # layers that begin at zero let nothing through
        torch.nn.init.normal_(parameter, std=0.1)
    generator = generator_of("gradients")
    x_t, x_cor = torch.randn(2, 2, 2, 16, 16, generator=generator)
    logits = network.encode_logits(torch.randn(2, 4, generator=generator), 2)
    network(x_t, torch.tensor([0.1, 0.9]), x_cor, logits).square().mean().backward()
    without = [
        name
        for name, p in network.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.any())
    ]
    assert not without


def test_a_new_small_network_is_the_exact_score_about_the_corrupted_signal():
    network = NCSNpp(None, OUVE_16K, COARSE)
    torch.nn.init.zeros_(network.output_layer.bias)
    x_t, x_cor = 0.3 * torch.randn(2, 2, 2, 64, 32, generator=generator_of("exact"))
    t = torch.tensor([0.03, 0.8])
    sigma = OUVE_16K.deviation(t).reshape(-1, 1, 1, 1)
    spread = 0.1 * OUVE_16K.decay(t).reshape(-1, 1, 1, 1)
    want = -sigma * (x_t - x_cor) / (sigma**2 + spread**2)
    torch.testing.assert_close(network(x_t, t, x_cor, None), want)


def test_a_sample_depends_on_neither_neighbours_nor_how_its_time_is_given():
    network = _fill(NCSNpp(None, OUVE(), SMALL["ncsnpp"]))
    x_t, x_cor = torch.randn(2, 3, 2, 32, 16, generator=generator_of("neighbours"))
    whole = network(x_t, torch.tensor([0.4]), x_cor, None)
    part = network(x_t[1:2], torch.tensor([0.4]), x_cor[1:2], None)
    torch.testing.assert_close(part, whole[1:2], atol=1e-5, rtol=1e-4)
    each = network(x_t, torch.full((3,), 0.4), x_cor, None)
    torch.testing.assert_close(each, whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("frequencies", "frames"), [(32, 15), (33, 16), (32, 18)])
def test_sizes_that_do_not_halve_evenly_are_refused(frequencies, frames):
    network = NCSNpp(None, OUVE_16K, SMALL["ncsnpp"])
    x = torch.zeros(1, 2, frequencies, frames)
    message = f"has {frequencies} frequencies and {frames} frames, but both must be multiples of 4"
    with pytest.raises(UsageError, match=message):
        network(x, torch.tensor([0.5]), x, None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"multipliers": ()}, r"multipliers are \(\)"),
        ({"attention": (7,)}, "attention level is 7, but must be from 0 to 6"),
        ({"condition": "flim"}, "did you mean 'film'"),
        ({"spread": 0.0}, "spread is 0.0"),
    ],
)
def test_bad_sizes_are_refused(given, message):
    with pytest.raises(UsageError, match=message):
        NCSNppConfig(**given)


def test_multiples():
    assert NCSNPP.multiple == NCSNPP_48K.multiple == 64
    assert COARSE.multiple == 16
