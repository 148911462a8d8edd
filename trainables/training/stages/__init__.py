"""Stages of training, one a file: a file trains the kind of part that it is named after.

A stage's file has `NEEDS`, the kinds of parts it starts from; `USES_CORRUPTION`, whether the
corruption belongs to what produced the part; `updates(recipe)`; `forwards(recipe)`, what an update
costs; `describe(recipe)`, the settings that shape the part; and `build(context)`, its `Objective`.
"""

from __future__ import annotations

from types import ModuleType

from trainables.core import plugins


def names() -> tuple[str, ...]:
    """Kinds of parts."""
    return plugins.names(__name__)


CLASSIFIER = "classifier"


def parts_given(name: str) -> tuple[str, ...]:
    """Kinds of parts that a stage is given: those it starts from, and the classifier, which judges
    every part's answers while it is trained.
    """
    needs = load(name).NEEDS
    return needs if name == CLASSIFIER or CLASSIFIER in needs else (CLASSIFIER, *needs)


def load(name: str) -> ModuleType:
    """The stage that trains parts of that kind.

    Raises:
        UsageError: there is none.
    """
    return plugins.load(__name__, "part", name)
