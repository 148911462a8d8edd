"""The speed of sampling beside the published code's: python tests/bench_published.py --reference DIR.

DIR is a checkout of the paper's code (github.com/gilad-nurko/coupled-diffusion), which is run as it is:
nothing of it is kept here. Both sides sample the paper's CIFAR-100 setting with random weights and the same
classifier, make equally many calls of each denoiser, and take turns in one process on one thread; figures
are medians of the process's own clock. The networks are not the same: their sizes and multiply-adds a call
stand above the table, so that a ratio can be read for a call and for an operation.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ["TQDM_DISABLE"] = "1"  # before anything imports it: the published samplers draw bars

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tests.bench_sampling import Bench, medians
from trainables.core.memory import keep_pages
from trainables.core.noise import seeded
from trainables.core.precision import has_bfloat16
from trainables.sampling.cost import cost
from trainables.sampling.system import CoupledSystem
from trainables.strategies import alternating, nested, parallel

_REFRESHES = 2  # of nested
_MODULES = {
    "alternating": "model_alternating_100_classes",
    "parallel": "model_parallel_100_classes",
    "nested": "model_nested_100_classes",
}


@dataclass(frozen=True)
class Published:
    """The published sampler of a strategy.

    Args:
        model: its module, with random weights.
        image: the name of the argument that is the image.
    """

    model: nn.Module
    image: str

    def sample(self, x_cor: Tensor) -> Tensor:
        """Sample the logits of corrupted images (B, 3, 32, 32)."""
        _, y = self.model.sampling(len(x_cor), device="cpu", **{self.image: x_cor})
        return y

    def calls(self, x_cor: Tensor) -> Counter[str]:
        """How often one sampling calls each denoiser."""
        counted: Counter[str] = Counter()
        hooks = [
            getattr(self.model, name).register_forward_hook(
                lambda *_, name=name: counted.update([name])
            )
            for name in ("model_x", "model_y")
        ]
        self.sample(x_cor)
        for hook in hooks:
            hook.remove()
        return counted


def published(reference: Path, strategy: str, classifier: nn.Module, steps: int) -> Published:
    """The published sampler of a strategy, with as many noise levels as steps."""
    from importlib import import_module

    images = str(reference / "images")
    if images not in sys.path:
        sys.path.insert(0, images)
    module = import_module(f"diffusion_models.{_MODULES[strategy]}")
    more = (
        {"y_initialization": _REFRESHES, "inner_loop_jump_step": 1} if strategy == "nested" else {}
    )
    with seeded(torch.device("cpu"), "published", strategy):
        model = module.MNISTDiffusion(
            32, 3, timesteps=steps, base_dim=64, dim_mults=[2, 4], classifier=classifier, is_cond=True,
            is_y_cond=True, num_classes=100, mode="cifar100", device="cpu", corruption_type="pixel_noise",
            **more,
        )  # fmt: skip
    model.eval().requires_grad_(False)
    return Published(model, "cond" if strategy == "nested" else "x_cond")


def multiply_adds(call: Callable[[], object]) -> float:
    """Multiply-adds of a call, in millions."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 2e6


def sizes(bench: Bench, theirs: Published) -> None:
    """Print the parameters and the multiply-adds a call of both sides' denoisers."""
    x, y, time = torch.zeros(1, 3, 32, 32), torch.zeros(1, 100), torch.zeros(1)
    model, plain = theirs.model, bench.plain
    rows = {
        "signal, published": (model.model_x, lambda: model.model_x(x, time.long(), x, y)),
        "signal, ours": (plain.signal_denoiser, lambda: plain.signal_denoiser(x, time, x, y)),
        "logit, published": (model.model_y, lambda: model.model_y(y, time, y, x)),
        "logit, ours": (plain.logit_denoiser, lambda: plain.logit_denoiser(y, time, (x, y, x))),
    }
    print(f"{'denoiser':20} {'parameters, M':>14} {'multiply-adds a call, M':>24}")
    for name, (network, call) in rows.items():
        parameters = sum(parameter.numel() for parameter in network.parameters()) / 1e6
        print(f"{name:20} {parameters:14.1f} {multiply_adds(call):24.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--reference", type=Path, required=True, help="a checkout of the paper's code"
    )
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--strategies", nargs="+", default=list(_MODULES), choices=list(_MODULES))
    arguments = parser.parse_args()
    if not (arguments.reference / "images" / "diffusion_models").is_dir():
        parser.error(f"{arguments.reference} is no checkout of the paper's code: it has no images/")
    torch.set_num_threads(1)
    keep_pages()
    n, batch = arguments.steps, arguments.batch
    bench = Bench("cifar100", "paper", 18)
    # A CPU without bf16 emulates it, many times as slowly.
    precisions = ["float32", *(["bf16"] if has_bfloat16(torch.device("cpu")) else [])]
    systems = {name: bench.fast[name] for name in precisions}
    systems |= {f"{name}, chosen": bench.chosen(name, batch) for name in precisions}
    schedules = {
        "alternating": alternating.Parameters(1, n, n, "y_cor", 0.0),
        "parallel": parallel.Parameters(n, 0.5, 0.0),
        "nested": nested.Parameters(n, n, _REFRESHES / n, 1 / n, 0.0),
    }
    print(
        f"{n} steps, batch {batch}, {arguments.rounds} rounds, one thread, the process's own clock"
    )
    x_cor = torch.randn(batch, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for number, name in enumerate(arguments.strategies):
        theirs = published(arguments.reference, name, bench.network, n)
        if not number:
            sizes(bench, theirs)
            heads = " ".join(f"{name:>20}" for name in systems)
            print(f"{'strategy':14} {'calls':>9} {'published, s':>13} {heads}  (s, times as fast)")
        moves = list(schedules[name].schedule())
        _row(name, bench, systems, theirs, moves, x_cor, arguments.rounds)


def _row(
    name: str,
    bench: Bench,
    systems: Mapping[str, CoupledSystem],
    theirs: Published,
    moves: list,
    x_cor: Tensor,
    rounds: int,
) -> None:
    """Measure a strategy on both sides and print how they compare.

    Raises:
        RuntimeError: they do not make equally many calls of each denoiser.
    """
    counted, ours = theirs.calls(x_cor), cost(moves)
    if (counted["model_x"], counted["model_y"]) != (ours.nfe_signal, ours.nfe_logit):
        raise RuntimeError(f"{name}: {dict(counted)} calls are published, ours are {ours}")
    variants = {"published": lambda: theirs.sample(x_cor)}
    variants |= {
        precision: lambda system=system: bench.run(system, moves, len(x_cor))
        for precision, system in systems.items()
    }
    seconds = medians(variants, rounds)
    cells = (f"{seconds[p]:.2f}, {seconds['published'] / seconds[p]:.2f} x" for p in systems)
    calls = f"{ours.nfe_signal} + {ours.nfe_logit}"
    ours_of_each = " ".join(f"{cell:>20}" for cell in cells)
    print(f"{name:14} {calls:>9} {seconds['published']:13.2f} {ours_of_each}", flush=True)


if __name__ == "__main__":
    main()
