"""The space of `noisy`: one point, since there is nothing to sample."""

from __future__ import annotations

from typing import Any

import optuna


def paper_point(T: int, kind: str = "image") -> dict[str, Any]:
    """The only point."""
    return {}


def suggest(trial: optuna.Trial, T: int, kind: str = "image") -> dict[str, Any]:
    """The only point."""
    return {}


def grid(T: int, kind: str = "image") -> list[dict[str, Any]]:
    """The only point."""
    return [{}]
