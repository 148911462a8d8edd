"""Words of a diagnosis that the verb needs before torch is loaded."""

from __future__ import annotations

MIXTURE = "gaussian-mixture"
"""The word for Gaussian mixtures in the place of a dataset, and the name of their experiment in MLflow."""
STRATEGY = "guided"
"""The strategy whose guides are diagnosed on data."""
STEPS = 10
"""The selected steps that signals are looked at by default, where there are as many noise levels."""
