"""What is shown as JSON types, in which every number is finite."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np


def json_types(value: object) -> object:
    """Dataclasses as objects by their fields' names, sequences as lists, bytes in base 64. A number that is
    not finite is null, as JSON has none.

    Raises:
        TypeError: something of another type is in it.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_types(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): json_types(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_types(one) for one in value]
    raise TypeError(f"no JSON of a {type(value).__name__}: {value!r}")
