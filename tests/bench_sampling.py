"""The cost of sampling relative to the plain path: python tests/bench_sampling.py [--help].

The plain path encodes every condition anew at each step and runs the same networks operation by
operation in float32. The networks are the paper's for CIFAR-100 with random weights, but the classifier
is a ResNet-18 by default: in ten steps the few calls of a ResNet-50 would have fifteen times the weight
that they have in 150. All variants take turns in one run on one thread; the figures are medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from platform.planning.presets import preset

import torch
from torch import Tensor

from trainables.core.memory import keep_pages
from trainables.core.noise import SampleNoise, seeded
from trainables.core.pixel_scale import pixel_scale
from trainables.data.dataset import Dataset, Facts, Split
from trainables.evaluation.assembly import assemble
from trainables.evaluation.path_choices import PathChoices, in_words, kept_choices
from trainables.models.base import LogitDenoiser, SignalDenoiser
from trainables.models.images.classifier import FrozenClassifier, ResNetConfig
from trainables.models.scale import LogitScale
from trainables.sampling.engine import Engine
from trainables.sampling.meter import Meter
from trainables.sampling.system import CoupledSystem
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
    """A signal denoiser that encodes all conditions at every call."""

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
    """A logit denoiser that encodes all conditions at every call."""

    def __init__(self, network: LogitDenoiser) -> None:
        super().__init__()
        self.network = network

    def encode_signals(self, x: Tensor, y_of_x: Tensor, x_cor: Tensor) -> tuple[Tensor, ...]:
        return x, y_of_x, x_cor

    def forward(self, y_t: Tensor, time: Tensor, signals: tuple[Tensor, ...]) -> Tensor:
        return self.network(
            y_t, self.network.encode_time(time), self.network.encode_signals(*signals)
        )


PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16}


class Bench:
    """The compared systems, with a preset's networks for a dataset; `network` is the classifier's."""

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
            modules = {
                "signal": networks.new_signal_denoiser(data, recipe),
                "logit": networks.new_logit_denoiser(data, recipe),
                "network": networks.new_classifier(data, recipe),
            }
            for network in modules.values():
                for parameter in network.parameters():
                    if not parameter.any():
                        torch.nn.init.normal_(parameter, std=0.02)
                network.eval().requires_grad_(False)
        self.network = modules["network"]
        scale = LogitScale(facts.classes)
        scale.largest.fill_(3.0)
        classifier = FrozenClassifier(modules["network"], scale, data.classes)
        weights = {name: dict(network.state_dict()) for name, network in modules.items()}
        self._assemble = partial(assemble, task, data, classifier, weights, torch.device("cpu"))
        self.fast = {name: self._assemble(dtype) for name, dtype in PRECISIONS.items()}
        processes = self.fast["float32"].signal_process, self.fast["float32"].logit_process
        self.plain = CoupledSystem(
            classifier, *processes, PlainSignal(modules["signal"]), PlainLogit(modules["logit"])
        )

        self._engines: dict[int, Engine] = {}

    def chosen(self, name: str, batch: int) -> CoupledSystem:
        """The system that computes in a precision by the paths that are chosen for a batch by timing."""
        with tempfile.TemporaryDirectory() as folder:
            file, cpu = Path(folder) / "paths.json", torch.device("cpu")
            choices = PathChoices(file, cpu, PRECISIONS[name], batch)
            system = self._assemble(PRECISIONS[name], batch, choices)
            for line in in_words(kept_choices(file)):
                print(line, flush=True)
            return system

    def run(self, system: CoupledSystem, moves: list, batch: int):
        """Run a schedule; each system has one engine for all its runs, as in an actor."""
        noise = SampleNoise(0, range(batch))
        x_cor = noise.split("x").normal(self.facts.signal_shape)
        if id(system) not in self._engines:
            self._engines[id(system)] = Engine(system, (self.facts.classes,), Meter())
        return self._engines[id(system)].run(moves, x_cor, noise)


def medians(variants: dict, rounds: int) -> dict[str, float]:
    """Median CPU seconds of each variant, over rounds in which all take turns, after one round to warm
    up. CPU seconds hardly depend on other processes.
    """
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, work in variants.items():
            start = time.process_time()
            work()
            if number:
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


class RecordingNetwork:
    """A network that records its calls with their inputs."""

    def __init__(self, network, calls: list) -> None:
        self.network, self.calls = network, calls

    def __call__(self, *inputs):
        self.calls.append((self.network, inputs))
        return self.network(*inputs)

    def __getattr__(self, name: str):
        value = getattr(self.network, name)
        return RecordingNetwork(value, self.calls) if name.startswith("encode") else value


def bare_calls(bench: Bench, system: CoupledSystem, moves: list, batch: int):
    """A function that makes just the network calls of a run of the engine, on the same inputs."""
    calls: list = []
    recording_system = CoupledSystem(
        RecordingNetwork(system.classifier, calls),
        system.signal_process,
        system.logit_process,
        RecordingNetwork(system.signal_denoiser, calls),
        RecordingNetwork(system.logit_denoiser, calls),
    )
    bench.run(recording_system, moves, batch)

    @torch.no_grad()
    def replay():
        for network, inputs in calls:
            network(*inputs)

    return replay


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="cifar100", choices=list(FACTS))
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--depth", type=int, default=18, help="of the ResNet that classifies")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 1])
    parser.add_argument("--only", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--strategies", nargs="+", default=["alternating", "parallel", "nested"])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_pages()
    bench, n = Bench(arguments.dataset, arguments.preset, arguments.depth), arguments.steps
    schedules = {
        "alternating": alternating.Parameters(1, n, n, "y_cor", 0.0),
        "parallel": parallel.Parameters(n, 0.5, 0.0),
        "nested": nested.Parameters(n, n, 2 / n, 1 / n, 0.0),
    }
    print(
        f"{arguments.dataset}, preset {arguments.preset}, {n} steps, {arguments.rounds} rounds, 1 thread"
    )
    if "strategies" in arguments.only:
        print(
            f"{'':22}  plain s  float32 s  ratio  bf16 s  ratio  largest difference  argmax equal"
        )
        for batch in arguments.batches:
            for name in arguments.strategies:
                moves = list(schedules[name].schedule())
                compare(bench, f"{name}, batch {batch}", moves, batch, arguments.rounds)
    few = {
        f"alternating, eta {eta}": list(alternating.Parameters(1, 4, 4, "y_cor", eta).schedule())
        for eta in (0.0, 1.0)
    }
    if "overhead" in arguments.only:
        overhead(bench, few, arguments.rounds)
    if "batches" in arguments.only:
        large_batches(bench, few["alternating, eta 0.0"], arguments.rounds)
    if "logit" in arguments.only:
        logit_step(bench, arguments.rounds)
    if "limit" in arguments.only:
        limit(bench, arguments.rounds)


def compare(bench: Bench, title: str, moves: list, batch: int, rounds: int) -> None:
    """Print the seconds of a schedule on every system, and how far their outcomes differ."""
    systems = {"plain": bench.plain, **bench.fast}
    outcomes = {}

    def run_of(name: str):
        def work():
            outcomes[name] = bench.run(systems[name], moves, batch)

        return work

    seconds = medians({name: run_of(name) for name in systems}, rounds)
    difference = max(
        float((outcomes["float32"].y - outcomes["plain"].y).abs().max()),
        float((outcomes["float32"].x - outcomes["plain"].x).abs().max()),
    )
    equal = {
        n: int((o.y.argmax(1) == outcomes["plain"].y.argmax(1)).sum()) for n, o in outcomes.items()
    }
    ratios = {name: seconds["plain"] / seconds[name] for name in bench.fast}
    print(
        f"{title:22} {seconds['plain']:8.2f} {seconds['float32']:10.2f} {ratios['float32']:6.2f} "
        f"{seconds['bf16']:7.2f} {ratios['bf16']:6.2f} {difference:19.1e}  "
        f"{equal['float32']} and bf16 {equal['bf16']} of {batch}",
        flush=True,
    )


def overhead(bench: Bench, schedules: dict[str, list], rounds: int) -> None:
    """Print the time of whole runs relative to that of their network calls alone."""
    for title, moves in schedules.items():
        for name, system in bench.fast.items():
            replay = bare_calls(bench, system, moves, 16)
            variants = {"run": lambda s=system, m=moves: bench.run(s, m, 16), "calls": replay}
            seconds = medians(variants, rounds)
            print(
                f"whole sampler / its network calls alone, {title}, {name}, batch 16: "
                f"{seconds['run'] / seconds['calls']:.3f}",
                flush=True,
            )


def large_batches(bench: Bench, moves: list, rounds: int) -> None:
    """Print the time of a sample in batches of 64 relative to batches of 16."""
    for name, system in bench.fast.items():
        sizes = {16: 4, 64: 1}

        def work(size: int, times: int, system=system):
            for _ in range(times):
                bench.run(system, moves, size)

        seconds = medians(
            {str(size): (lambda s=size, t=times: work(s, t)) for size, times in sizes.items()},
            rounds,
        )
        print(
            f"a sample at batch 64 / at batch 16, alternating, {name}: {seconds['64'] / seconds['16']:.2f}",
            flush=True,
        )


@torch.no_grad()
def logit_step(bench: Bench, rounds: int) -> None:
    """Print the time of the plain logit denoiser's call relative to the prepared ones."""
    noise = SampleNoise(0, range(16))
    x, y = noise.normal(bench.facts.signal_shape), noise.normal((bench.facts.classes,))
    level = torch.tensor([0.5])
    variants = {"plain": lambda: bench.plain.logit_denoiser(y, level, (x, y, x))}
    for name, system in bench.fast.items():
        denoiser = system.logit_denoiser
        code, time_code = denoiser.encode_signals(x, y, x), denoiser.encode_time(level)
        variants[name] = lambda d=denoiser, c=code, t=time_code: d(y, t, c)
    seconds = medians(variants, 4 * rounds)
    for name in bench.fast:
        print(
            f"logit denoiser's step, plain / {name}, batch 16: {seconds['plain'] / seconds[name]:.1f}"
        )


@torch.no_grad()
def limit(bench: Bench, rounds: int) -> None:
    """The speed of a signal denoiser's call, in multiply-adds a second, beside that of a matrix product."""
    noise = SampleNoise(0, range(16))
    x, y = noise.normal(bench.facts.signal_shape), noise.normal((bench.facts.classes,))
    level, meter, size = torch.tensor([0.5]), Meter(), 2048
    plain = bench.plain.signal_denoiser
    meter.call("signal", plain, x, level, x, y, batch=16)
    plain_flops = meter.flops
    for name, system in bench.fast.items():
        denoiser, dtype = system.signal_denoiser, getattr(torch, name.replace("bf16", "bfloat16"))
        codes = denoiser.encode_corrupted(x), denoiser.encode_logits(y, 16)
        time_code = denoiser.encode_time(level)
        meter.reset()
        meter.call("fast", denoiser, x, time_code, *codes, batch=16)
        a = torch.randn(size, size).to(dtype)
        seconds = medians(
            {
                "call": lambda d=denoiser, c=codes, t=time_code: d(x, t, *c),
                "product": lambda a=a: a @ a,
            },
            2 * rounds,
        )
        call_rate, product_rate = meter.flops / seconds["call"], 2 * size**3 / seconds["product"]
        print(
            f"signal denoiser, {name}: {100 * meter.flops / plain_flops:.0f} % of the plain FLOPs are left, "
            f"at {call_rate / 2e9:.0f} billion multiply-adds a second; a matrix product has "
            f"{product_rate / 2e9:.0f}"
        )


if __name__ == "__main__":
    main()
