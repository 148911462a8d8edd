"""Stages of training, one a file: a file trains the kind of part that it is named after.

A stage's file has `NEEDS`, the kinds of parts it starts from; `USES_CORRUPTION`, whether the
corruption belongs to what produced the part; `updates(recipe)`; `forwards(recipe)`, what an update
costs, with `LABEL_FORWARDS`, its forward passes of the label diffusion's network, where it has any;
`describe(recipe)`, the settings that shape the part; and `build(context)`, its `Objective`.
It has `SIGNALS` where it is not for all kinds of signals, and `MEMBERS` where parts of its kind are members
of an ensemble: how many there are (`trainables.task.members` says what they are called).
"""

from __future__ import annotations

from types import ModuleType

from trainables.core import plugins
from trainables.task.members import kind_and_member


def names(signals: str | None = None) -> tuple[str, ...]:
    """Kinds of parts, or those that are for signals of a kind, "image", "word" or "sentence"; of an ensemble
    the first member stands for all.
    """
    return plugins.names(__name__) if signals is None else plugins.names_for(__name__, signals)


CLASSIFIER = "classifier"


def parts_given(name: str) -> tuple[str, ...]:
    """Kinds of parts that a stage is given: those it starts from, and the classifier, which judges
    every part's answers while it is trained.
    """
    needs = load(name).NEEDS
    return needs if name == CLASSIFIER or CLASSIFIER in needs else (CLASSIFIER, *needs)


def load(name: str) -> ModuleType:
    """The stage that trains parts of that kind, or that member of an ensemble.

    Raises:
        UsageError: there is none.
    """
    kind, member = kind_and_member(name)
    if kind in plugins.names(__name__):
        stage = plugins.load(__name__, "part", kind)
        if member <= getattr(stage, "MEMBERS", 1):
            return stage
    return plugins.load(__name__, "part", name)


def label_forwards(name: str) -> float:
    """Forward passes of the label diffusion's network in an update of a stage, for each sample."""
    count: float = getattr(load(name), "LABEL_FORWARDS", 0.0)
    return count
