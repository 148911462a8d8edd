"""The choices that the samplers of the label diffusion have, by their names: no torch is loaded for them."""

from __future__ import annotations

from typing import Literal

ProbabilityPredictor = Literal["euler", "backward-euler", "analytic"]
"""A step of probabilities (DiDiCM-CP): Euler's, explicit or backward, or the exact posterior of the score's
own clean estimate.
"""
LabelPredictor = Literal["euler", "analytic"]
"""A step of a chain of labels (DiDiCM-CL): Euler's, or analytic tau-leaping."""
LabelChoice = Literal["argmin", "argmax", "random"]
"""The label whose score stands for those of all: the least or the most probable one, or a drawn one."""
