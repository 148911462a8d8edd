"""What sampling costs against the plain path: python tests/bench_sampling.py [--help].

The plain path encodes every condition anew at each step and runs the same networks operation by
operation in float32. Networks are the paper's for CIFAR-100 with random weights, but the classifier is
a ResNet-18 by default: ten steps would weigh the ResNet-50's few calls fifteen times as heavily as 150
do. All that is compared takes turns in one run; a figure is a median. One thread.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.planning.presets import preset

import torch
from torch import Tensor

from trainables.core.memory import keep_pages
from trainables.core.noise import SampleNoise, seeded
from trainables.data.dataset import Dataset, Facts, Split
from trainables.data.pixel_scale import pixel_scale
from trainables.evaluation.assembly import assemble
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.models.images.classifier import FrozenClassifier, ResNetConfig
from trainables.models.scale import LogitScale
from trainables.sampling.engine import CoupledSystem, Engine
from trainables.sampling.meter import Meter
from trainables.strategies import alternating, nested, parallel
from trainables.task import networks
from trainables.task.recipe import Task

FACTS = {
    "cifar100": Facts("cifar100", (3, 32, 32), 100),
    "mnist": Facts("mnist", (1, 28, 28), 10),
    "digits": Facts("digits", (1, 8, 8), 10),
}


PARTS = ("strategies", "overhead", "batches", "logit", "limit")


class PlainSignal(SignalDenoiser):
    """Encodes all conditions at every call."""

    def __init__(self, network: SignalDenoiser) -> None:
        super().__init__()
        self.network = network

    def encode_corrupted(self, x_cor: Tensor) -> Tensor:
        return x_cor

    def encode_logits(self, y: Tensor | None, batch: int) -> Tensor | None:
        return y

    def forward(
        self, x_t: Tensor, time: Tensor, corrupted: Tensor, logits: Tensor | None
    ) -> Tensor:
        n = self.network
        codes = n.encode_corrupted(corrupted), n.encode_logits(logits, len(x_t))
        return n(x_t, n.encode_time(time), *codes)


class PlainLogit(LogitDenoiser):
    """Encodes all conditions at every call."""

    def __init__(self, network: LogitDenoiser) -> None:
        super().__init__()
        self.network = network

    def encode_signals(self, x: Tensor, y_of_x: Tensor, x_cor: Tensor) -> tuple[Tensor, ...]:
        return x, y_of_x, x_cor

    def forward(self, y_t: Tensor, time: Tensor, signals: tuple[Tensor, ...]) -> Tensor:
        return self.network(
            y_t, self.network.encode_time(time), self.network.encode_signals(*signals)
        )


class Bench:
    """The systems that are compared, of a preset's networks for a dataset."""

    def __init__(self, dataset: str, size: str, depth: int) -> None:
        facts = FACTS[dataset]
        self.facts, recipe = facts, preset(size, facts).recipe
        if isinstance(recipe.classifier, ResNetConfig):
            recipe = replace(recipe, classifier=ResNetConfig(depth))
        image = torch.zeros(1, *facts.signal_shape)
        blank = Split(image, torch.zeros(1), torch.zeros(1), pixel_scale(image))
        data = Dataset(dataset, tuple(map(str, range(facts.classes))), blank, blank, blank)
        task = Task(dataset, "gn30", 0, recipe)
        with seeded(torch.device("cpu"), "weights"):
            made = {
                "signal": networks.new_signal_denoiser(data, recipe),
                "logit": networks.new_logit_denoiser(data, recipe),
                "network": networks.new_classifier(data, recipe),
            }
            for network in made.values():
                for parameter in network.parameters():
                    if not parameter.any():
                        torch.nn.init.normal_(parameter, std=0.02)
                network.eval().requires_grad_(False)
        scale = LogitScale(facts.classes)
        scale.largest.fill_(3.0)
        classifier = FrozenClassifier(made["network"], scale, data.classes)
        weights = {name: dict(network.state_dict()) for name, network in made.items()}
        cpu = torch.device("cpu")
        self.fast = {
            name: assemble(task, data, classifier, weights, cpu, dtype)
            for name, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16))
        }
        processes = self.fast["float32"].signal_process, self.fast["float32"].logit_process
        self.plain = CoupledSystem(
            classifier, *processes, PlainSignal(made["signal"]), PlainLogit(made["logit"])
        )

        self._engines: dict[int, Engine] = {}

    def run(self, system: CoupledSystem, moves: list, batch: int):
        """One run of a schedule, on an engine that is kept, as an actor keeps its own."""
        noise = SampleNoise(0, range(batch))
        x_cor = noise.split("x").normal(self.facts.signal_shape)
        if id(system) not in self._engines:
            self._engines[id(system)] = Engine(system, (self.facts.classes,), Meter())
        return self._engines[id(system)].run(moves, x_cor, noise)


def medians(variants: dict, rounds: int) -> dict[str, float]:
    """CPU seconds of each variant, which other work beside it hardly changes: median over rounds in
    which all take turns, after one to warm up.
    """
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, work in variants.items():
            start = time.process_time()
            work()
            if number:
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


class Recorded:
    """A network that keeps what it is called with, to be called again alone."""

    def __init__(self, network, calls: list) -> None:
        self.network, self.calls = network, calls

    def __call__(self, *inputs):
        self.calls.append((self.network, inputs))
        return self.network(*inputs)

    def __getattr__(self, name: str):
        found = getattr(self.network, name)
        return Recorded(found, self.calls) if name.startswith("encode") else found


def bare_calls(bench: Bench, system: CoupledSystem, moves: list, batch: int):
    """What runs exactly the network calls that the engine makes, on the same inputs."""
    calls: list = []
    recorded = CoupledSystem(
        Recorded(system.classifier, calls),
        system.signal_process,
        system.logit_process,
        Recorded(system.signal_denoiser, calls),
        Recorded(system.logit_denoiser, calls),
    )
    bench.run(recorded, moves, batch)

    @torch.no_grad()
    def replay():
        for network, inputs in calls:
            network(*inputs)

    return replay


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--dataset", default="cifar100", choices=list(FACTS))
    asked.add_argument("--preset", default="paper")
    asked.add_argument("--depth", type=int, default=18, help="of the ResNet that classifies")
    asked.add_argument("--steps", type=int, default=10)
    asked.add_argument("--batches", type=int, nargs="+", default=[16, 1])
    asked.add_argument("--only", nargs="+", default=list(PARTS), choices=PARTS)
    asked.add_argument("--strategies", nargs="+", default=["alternating", "parallel", "nested"])
    asked.add_argument("--rounds", type=int, default=5)
    given = asked.parse_args()
    torch.set_num_threads(1)
    keep_pages()
    bench, n = Bench(given.dataset, given.preset, given.depth), given.steps
    schedules = {
        "alternating": alternating.Parameters(1, n, n, "y_cor", 0.0),
        "parallel": parallel.Parameters(n, 0.5, "clean", 0.0),
        "nested": nested.Parameters(n, n, 2 / n, 1 / n, 0.0),
    }
    print(f"{given.dataset}, preset {given.preset}, {n} steps, {given.rounds} rounds, 1 thread")
    if "strategies" in given.only:
        print(
            f"{'':22}  plain s  float32 s  ratio  bf16 s  ratio  largest difference  argmax equal"
        )
        for batch in given.batches:
            for name in given.strategies:
                moves = list(schedules[name].schedule())
                compare(bench, f"{name}, batch {batch}", moves, batch, given.rounds)
    few = {
        f"alternating, eta {eta}": list(alternating.Parameters(1, 4, 4, "y_cor", eta).schedule())
        for eta in (0.0, 1.0)
    }
    if "overhead" in given.only:
        overhead(bench, few, given.rounds)
    if "batches" in given.only:
        large_batches(bench, few["alternating, eta 0.0"], given.rounds)
    if "logit" in given.only:
        logit_step(bench, given.rounds)
    if "limit" in given.only:
        limit(bench, given.rounds)


def compare(bench: Bench, title: str, moves: list, batch: int, rounds: int) -> None:
    systems = {"plain": bench.plain, **bench.fast}
    found = {}

    def running(name: str):
        def work():
            found[name] = bench.run(systems[name], moves, batch)

        return work

    took = medians({name: running(name) for name in systems}, rounds)
    apart = max(
        float((found["float32"].y - found["plain"].y).abs().max()),
        float((found["float32"].x - found["plain"].x).abs().max()),
    )
    equal = {n: int((o.y.argmax(1) == found["plain"].y.argmax(1)).sum()) for n, o in found.items()}
    ratios = {name: took["plain"] / took[name] for name in bench.fast}
    print(
        f"{title:22} {took['plain']:8.2f} {took['float32']:10.2f} {ratios['float32']:6.2f} "
        f"{took['bf16']:7.2f} {ratios['bf16']:6.2f} {apart:19.1e}  "
        f"{equal['float32']} and bf16 {equal['bf16']} of {batch}",
        flush=True,
    )


def overhead(bench: Bench, schedules: dict[str, list], rounds: int) -> None:
    for title, moves in schedules.items():
        for name, system in bench.fast.items():
            replay = bare_calls(bench, system, moves, 16)
            whole = {"run": lambda s=system, m=moves: bench.run(s, m, 16), "calls": replay}
            took = medians(whole, rounds)
            print(
                f"whole sampler / its network calls alone, {title}, {name}, batch 16: "
                f"{took['run'] / took['calls']:.3f}",
                flush=True,
            )


def large_batches(bench: Bench, moves: list, rounds: int) -> None:
    for name, system in bench.fast.items():
        sizes = {16: 4, 64: 1}

        def work(size: int, times: int, system=system):
            for _ in range(times):
                bench.run(system, moves, size)

        took = medians(
            {str(size): (lambda s=size, t=times: work(s, t)) for size, times in sizes.items()},
            rounds,
        )
        print(
            f"a sample at batch 64 / at batch 16, alternating, {name}: {took['64'] / took['16']:.2f}",
            flush=True,
        )


@torch.no_grad()
def logit_step(bench: Bench, rounds: int) -> None:
    noise = SampleNoise(0, range(16))
    x, y = noise.normal(bench.facts.signal_shape), noise.normal((bench.facts.classes,))
    level = torch.tensor([0.5])
    variants = {"plain": lambda: bench.plain.logit_denoiser(y, level, (x, y, x))}
    for name, system in bench.fast.items():
        denoiser = system.logit_denoiser
        code, at = denoiser.encode_signals(x, y, x), denoiser.encode_time(level)
        variants[name] = lambda d=denoiser, c=code, t=at: d(y, t, c)
    took = medians(variants, 4 * rounds)
    for name in bench.fast:
        print(f"logit denoiser's step, plain / {name}, batch 16: {took['plain'] / took[name]:.1f}")


@torch.no_grad()
def limit(bench: Bench, rounds: int) -> None:
    """How near a signal denoiser's call is to what its multiply-adds take in matrix products."""
    noise = SampleNoise(0, range(16))
    x, y = noise.normal(bench.facts.signal_shape), noise.normal((bench.facts.classes,))
    level, meter, size = torch.tensor([0.5]), Meter(), 2048
    plain = bench.plain.signal_denoiser
    meter.call("signal", plain, x, level, x, y, batch=16)
    whole = meter.flops
    for name, system in bench.fast.items():
        denoiser, dtype = system.signal_denoiser, getattr(torch, name.replace("bf16", "bfloat16"))
        codes = denoiser.encode_corrupted(x), denoiser.encode_logits(y, 16)
        at = denoiser.encode_time(level)
        meter.reset()
        meter.call("fast", denoiser, x, at, *codes, batch=16)
        a = torch.randn(size, size).to(dtype)
        took = medians(
            {"call": lambda d=denoiser, c=codes, t=at: d(x, t, *c), "product": lambda a=a: a @ a},
            2 * rounds,
        )
        called, product = meter.flops / took["call"], 2 * size**3 / took["product"]
        print(
            f"signal denoiser, {name}: {100 * meter.flops / whole:.0f} % of the plain FLOPs are left, "
            f"at {called / 2e9:.0f} billion multiply-adds a second; a matrix product has "
            f"{product / 2e9:.0f}"
        )


if __name__ == "__main__":
    main()
