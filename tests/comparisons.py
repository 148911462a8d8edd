"""Made-up comparisons of strategies, as the figures, tables and pages of one are tested with."""

import io
import wave
from itertools import combinations

import numpy as np
from PIL import Image

from dashboards.axes import NFE_AXIS
from dashboards.comparison.gallery import Frame, Gallery, Shown
from dashboards.comparison.model import (
    ComparedPair,
    ComparedPoint,
    ComparedStrategy,
    ComparedTrial,
    Comparison,
    Interval,
    OnlyRight,
    Setting,
)
from dashboards.pareto import front, hypervolume, shared_reference
from trainables.scoring.metric_names import METRIC_OF_KIND, NFE

ODD = "<b>&\"'</script>\u2028 50 % of $x_1$ \\ ~^{é日本}`${alert(1)}"
"""A name with what HTML, JSON in a script, LaTeX and matplotlib's formulas each take for something else."""

GAINS = {"nested": 0.93, "parallel": 0.915, "card": 0.905, "enhanced": 0.89, "alternating": 0.9}
BUDGETS = (2.0, 5.0, 20.0, 100.0)


def setting(title="digits", corruption="gn30", preset="quick", kind="image"):
    """A setting of ten classes and 100 noise levels."""
    return Setting(title, corruption, preset, kind=kind, classes=10, T=100)


def compared_point(
    label, strategy, role, accuracy, cost, seeds=(0,), names=(), reach=0.018, on_front=False
):
    """A point with an accuracy on test images; on validation images it is a little better."""
    low, high = max(0.0, accuracy - reach), min(1.0, accuracy + 0.8 * reach)
    test = {
        "accuracy": accuracy, "accuracy_low": low, "accuracy_high": high, NFE: cost,
        "wer": 1 - accuracy, "wer_low": 1 - high, "wer_high": 1 - low,
    }  # fmt: skip
    validation = test | {"accuracy": min(1.0, accuracy + 0.01), "wer": max(0.0, 0.99 - accuracy)}
    width = 0.15 * cost if len(seeds) > 1 and role == "front" else 0.0
    parameters = tuple({"steps": round(cost) + seed, "eta": 0.25, "answer": "y"} for seed in seeds)
    runs = tuple(f"{hash_of(label, seed):032x}" for seed in seeds)
    commands = tuple(f"python -m platform.evaluate {strategy} digits --run {run}" for run in runs)
    return ComparedPoint(
        label, strategy, role, parameters if cost else ({},) * len(seeds), runs, commands,
        Interval(cost, cost - width, cost + width), validation, test, on_front, False, names,
    )  # fmt: skip


def hash_of(*words):
    """A number that follows from the words alone."""
    return int.from_bytes("/".join(map(str, words)).encode()[-12:], "big")


def compared_trials(generator, limit, count, seeds):
    """Trials whose accuracy rises with cost up to a limit, and varies."""
    trials = []
    for seed in seeds:
        for number in range(count):
            cost = float(np.round(np.exp(generator.uniform(0, 5.5))))
            rise = 0.3 * np.exp(-cost / 6)
            accuracy = min(1.0, float(limit - rise - generator.exponential(0.03)))
            point = {
                "steps": cost, "eta": round(float(generator.uniform()), 4),
                "answer": str(generator.choice(["x", "y", "mean"])),
            }  # fmt: skip
            run = f"{hash_of(number, seed, limit):032x}"
            trials.append(ComparedTrial(seed, number, round(accuracy, 4), cost, point, run))
    return trials


def compared_strategy(name, limit, generator, where, count=40, seeds=(0,), swept=True):
    """A strategy with a front of four points, one that is dominated, and the paper's."""
    if not swept:
        points = [
            compared_point(f"{name} (paper)", name, "baseline", limit - 0.02, 50.0, seeds),
            compared_point(f"{name} (best)", name, "baseline", limit, 4.0, seeds),
        ]
        return ComparedStrategy(name, False, tuple(points))
    reference = shared_reference(where.classes, where.T, where.kind)
    trials = compared_trials(generator, limit, count, seeds)
    costs = [1.0, 3.0, 8.0, 20.0, 60.0]
    accuracies = [limit - 0.1, limit - 0.03, limit - 0.01, limit - 0.015, limit]
    words = {1: ("cheapest", "knee"), 4: ("best",)}
    several = len(seeds) > 1
    labels = [f"{name}, within {c:g}" if several else f"{name} #{i}" for i, c in enumerate(costs)]
    points = [
        compared_point(text, name, "front", a, c, seeds, words.get(i, ()), on_front=i != 3)
        for i, (text, a, c) in enumerate(zip(labels, accuracies, costs, strict=True))
    ]
    points.append(compared_point(f"{name} (paper)", name, "paper", limit - 0.05, 350.0, seeds))
    growth = {}
    for seed in seeds:
        own = [(t.accuracy, t.cost) for t in trials if t.seed == seed]
        growth[seed] = tuple(hypervolume(own[: n + 1], reference) for n in range(min(len(own), 60)))
    last = [values[-1] for values in growth.values() if values]
    volume = Interval(float(np.mean(last)), min(last) - 0.01, max(last) + 0.01) if last else None
    fronts = {
        seed: tuple((c * (1 + 0.2 * seed), a - 0.004 * seed) for c, a in zip(costs, accuracies, strict=True)
                    if c != 20)
        for seed in seeds
    }  # fmt: skip
    return ComparedStrategy(
        name, True, tuple(points), tuple(trials), fronts, volume, growth,
        {"steps": 0.7, "eta": 0.2, "answer": 0.1} if trials else {},
        {"enhanced": labels[0], "retrained": labels[1], "the best": labels[1] if limit > 0.91 else None},
    )  # fmt: skip


def comparison(
    where=None, gains=None, seeds=(0,), count=40, swept=("nested", "parallel", "card"), tests=True, notes=(),
    seed=0,
):  # fmt: skip
    """A comparison of these strategies, by what each reaches; those not swept are baselines."""
    where, gains = where or setting(), gains if gains is not None else dict(list(GAINS.items())[:4])
    generator = np.random.default_rng(seed)
    strategies = [
        compared_strategy(name, limit, generator, where, count, seeds, name in swept)
        for name, limit in sorted(gains.items())
    ]
    for name, accuracy in (("noisy", 0.69), ("retrained", 0.9)) if gains else ():
        point = compared_point(name, name, "baseline", accuracy, 0.0, seeds)
        strategies.append(ComparedStrategy(name, False, (point,)))
    strategies = _with_joint_front(strategies)
    pairs = _pairs(strategies, swept, len(seeds) > 1) if tests else ()
    metric = METRIC_OF_KIND[where.kind]
    found = (
        "nested #1 on test: better than noisy, enhanced (paper), card (paper); not told from retrained "
        f"(paired, at 95%, Holm's correction for {len(pairs)} tests)",
        "nested #4 is the best: 93.0 % at 60 calls",
    ) if gains else ()  # fmt: skip
    only = (OnlyRight(1, "nested"), OnlyRight(3, "card")) if gains else ()
    return Comparison(
        where, tuple(seeds), metric, NFE, NFE_AXIS, shared_reference(10, 100, where.kind),
        tuple(sorted(strategies, key=lambda s: s.strategy)), tuple(pairs), found, only, tuple(notes),
    )  # fmt: skip


def _with_joint_front(strategies):
    """The strategies with their points marked that no point of any beats."""
    from dataclasses import replace

    every = [p for s in strategies for p in s.points]
    places = [(p.test["accuracy"], p.cost.value) for p in every]
    joint = {every[i].label for i in front(places)}
    return [
        replace(s, points=tuple(replace(p, on_joint_front=p.label in joint) for p in s.points))
        for s in strategies
    ]


def _pairs(strategies, swept, several):
    """Tests of each two swept strategies within each budget, and of named points against baselines."""
    of = {s.strategy: s.points for s in strategies}
    own = sorted(set(swept) & set(of))
    pairs = []
    for number, (one, other) in enumerate(combinations(own, 2)):
        for place, budget in enumerate(BUDGETS):
            gain = 0.03 * (1 - number) + 0.004 * place
            p_value = 0.0004 * (1 + place) * (1 + 9 * number)
            pairs.append(
                ComparedPair(of[one][place].label, of[other][place].label, budget, gain, gain - 0.02,
                             gain + 0.02, p_value, min(1.0, p_value * 16))
            )  # fmt: skip
    baselines = [p.label for s in strategies for p in s.points if p.role == "baseline"]
    for one in own:
        for label in baselines:
            pairs.append(
                ComparedPair(of[one][1].label, label, None, 0.012, -0.003, 0.027, 0.11, 0.34)
            )
    return pairs


def odd_comparison(kind="image"):
    """A comparison whose every name is `ODD`."""
    where = setting(f"set {ODD}", ODD, ODD, kind)
    return comparison(where, {ODD: 0.93, "nested": 0.9}, swept=(ODD, "nested"), notes=(ODD,))


def picture(generator, size=16):
    """A PNG of noise about a disc."""
    rows, columns = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    disc = 200 * (rows**2 + columns**2 < generator.uniform(0.2, 0.9)) + generator.normal(
        0, 20, (size, size)
    )
    buffer = io.BytesIO()
    Image.fromarray(np.clip(disc, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def sound():
    """A WAV file of a tenth of a second."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 8000, 800, "NONE", ""))
        file.writeframes((3000 * np.sin(np.arange(800) / 3)).astype("<i2").tobytes())
    return buffer.getvalue()


def gallery(labels, count=6, speech=False, name="7"):
    """The same samples, restored by the points of these labels, {label: strategy}."""
    generator = np.random.default_rng(0)
    sounds = (sound(),) * count if speech else ()

    def shown(right=None):
        pictures = tuple(picture(generator) for _ in range(count))
        if right is None:
            return Shown(pictures, sounds)
        frames = tuple(
            Frame(
                level,
                picture(generator),
                ((name, 1 - 0.7 * level), ("1", 0.4 * level), ("3", 0.2 * level)),
            )
            for level in (1.0, 0.75, 0.5, 0.25, 0.0)
        )
        answers = tuple(name if r else "1" for r in right)
        confidences = tuple(0.55 + 0.07 * n for n in range(count))
        return Shown(pictures, sounds, answers, confidences, right, (frames,) * min(2, count))

    restored = {
        label: shown(tuple((n + k) % 3 != 0 for n in range(count)))
        for k, label in enumerate(labels)
    }
    return Gallery(tuple(range(count)), (name,) * count, shown(), shown(), restored, dict(labels))
