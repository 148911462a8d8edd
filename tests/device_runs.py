"""Strategies run on a device of choice, move by move."""

import torch
from helpers import DIGITS, tiny_task

import search_spaces
from trainables import strategies
from trainables.core.noise import SampleNoise
from trainables.evaluation.assembly import assemble
from trainables.sampling.engine import Engine
from trainables.sampling.meter import Meter
from trainables.sampling.prefix_cache import SharedBatch
from trainables.sampling.state import State
from trainables.strategies import schedule_of
from trainables.task import networks
from trainables.task.members import RETRAINED, member_kinds
from trainables.training import stages
from trainables.training.objective import Context
from trainables.training.part_store import in_order

COUNT = 3


def untrained_parts(task, dataset, kinds=("image",)):
    """The weights of all parts of a task before their training."""
    parts = {}
    for kind in in_order([*stages.names(*kinds), *member_kinds(RETRAINED)]):
        needed = {need: parts[need] for need in stages.parts_given(kind)}
        parts[kind] = stages.load(kind).build(Context(task, dataset, needed)).weights()
    return parts


def engine_of(strategy, parts, device, dtype=torch.float32, task=None, **options):
    """The engine of a strategy on digits, with networks on a device."""
    task, weights = task or tiny_task(), {}
    for kind in strategies.load(strategy).PARTS:
        weights |= parts[kind]
    classifier = networks.frozen_classifier(DIGITS, task.recipe, weights).to(device)
    if device.type == "meta":  # the bound of clean logits is read once, when a system is assembled
        classifier.scale.largest = weights["scale"]["largest"]
    system = assemble(task, DIGITS, classifier, weights, device, dtype, COUNT, **options)
    return Engine(system, (len(DIGITS.classes),), Meter())


def moves_of(strategy, **changes):
    """The moves of the paper's point of a strategy, for a process of four levels."""
    point = search_spaces.load(strategy).paper_point(4, "image")
    return list(schedule_of(strategy, {**point, **changes}))


def corrupted(device):
    """A few images and the source of their noise."""
    images = DIGITS.test.first(COUNT)
    noise = SampleNoise(0, images.numbers.tolist())
    return images.corrupted(images.clean(), slice(None), "gn30", noise).to(device), noise


def play(engine, moves, x_cor, noise):
    """The state after all moves: what a run does but for the look at its outcome, which must wait."""
    state = State(SharedBatch(x_cor))
    with torch.no_grad():
        for move in moves:
            engine._apply(state, move, noise)
    return state
