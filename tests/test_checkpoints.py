"""Damage to a training's checkpoints and history is seen, and costs no more than what is damaged."""

import warnings

import pytest
import torch

from trainables.core.checked_lines import add_line, read_lines
from trainables.core.errors import DamageWarning
from trainables.training.checkpoints import (
    newest_state,
    put_damaged_aside,
    remove_checkpoints,
    save_state,
)

CPU = torch.device("cpu")


@pytest.fixture
def training(tmp_path):
    """The folder of a training with two checkpoints."""
    for round_number, name in enumerate(["checkpoint_1", "checkpoint_2"], start=1):
        save_state(
            tmp_path / name, {"round": round_number, "w": torch.full((4,), float(round_number))}
        )
    return tmp_path


def test_the_newest_checkpoint_is_taken(training):
    put_damaged_aside(training)
    assert newest_state(training, CPU)["round"] == 2


@pytest.mark.parametrize("file", ["state.pt", "state.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_the_one_before_a_damaged_checkpoint_is_taken(training, file, damage):
    path = training / "checkpoint_2" / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes({"cut": content[:20], "flip": content, "gone": b""}[damage])
    if damage == "gone":
        path.unlink()
    with pytest.warns(DamageWarning, match=r"checkpoint_2.* the one before it is taken"):
        put_damaged_aside(training)
    assert newest_state(training, CPU)["round"] == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        put_damaged_aside(training)  # it is seen once


def test_a_training_without_a_whole_checkpoint_begins_anew(tmp_path):
    (tmp_path / "checkpoint_1").mkdir()
    assert newest_state(tmp_path, CPU) is None and newest_state(tmp_path / "none", CPU) is None


def test_checkpoints_of_a_finished_training_are_removed(training):
    remove_checkpoints(training)
    assert not list(training.iterdir())


def test_a_damaged_line_costs_itself_alone(tmp_path):
    file = tmp_path / "history.jsonl"
    lines = [{"update": n, "metrics": {"loss": 0.1 * n}} for n in range(3)]
    for line in lines:
        add_line(file, line)
    whole = file.read_bytes()
    assert read_lines(file) == lines
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        file.write_bytes(changed)
        left = read_lines(file)
        assert len(left) >= 1 and all(line in lines for line in left), place
    file.write_bytes(whole[:-7])
    assert read_lines(file) == lines[:2]
    add_line(file, lines[2])
    assert read_lines(file) == lines
