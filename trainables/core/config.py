"""Frozen dataclasses to and from plain mappings, and the hash that identifies them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from trainables.core.errors import UsageError, check_choice, unknown_name

Config = TypeVar("Config")


_PLACE, _LATER = "place", "later"


def place(default: Any) -> Any:
    """A dataclass's field that says where something lies; what a configuration is does not depend on
    it.
    """
    return dataclasses.field(default=default, metadata={_PLACE: True})


def later(default: Any) -> Any:
    """A dataclass's field that came later: at its default a configuration is what it was before, so that
    what was made then is still found.
    """
    return dataclasses.field(default=default, metadata={_LATER: True})


def identity(config: Any) -> dict[str, Any]:
    """A dataclass as `as_mapping` gives it, without places, and without fields that came later where
    they have their default: what is hashed to identify it.
    """
    mapping = as_mapping(config)
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        unset = field.metadata.get(_LATER) and value == field.default
        if unset or field.metadata.get(_PLACE):
            del mapping[field.name]
        elif dataclasses.is_dataclass(value):
            mapping[field.name] = identity(value)
    return mapping


def as_mapping(config: Any) -> dict[str, Any]:
    """A dataclass as a nested dict of JSON types, tuples as lists."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_mapping(cls: type[Config], values: Mapping[str, Any]) -> Config:
    """Build the dataclass `cls` from a mapping, nested dataclasses included.

    Raises:
        UsageError: a key is unknown (with the nearest valid name), missing, or of the wrong type.
    """
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise unknown_name(f"setting of {cls.__name__}", key, fields)
    arguments = {}
    for name, field in fields.items():
        if name in values:
            arguments[name] = _convert(f"{cls.__name__}.{name}", hints[name], values[name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise UsageError(f"{cls.__name__} needs a value for {name!r}")
    return cls(**arguments)


def _convert(where: str, hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return from_mapping(typing.cast(type, hint), value)
    if typing.get_origin(hint) is types.UnionType and isinstance(value, Mapping):
        return from_mapping(_meant(where, typing.get_args(hint), value), value)
    if typing.get_origin(hint) is typing.Literal:
        check_choice(where, value, typing.get_args(hint))
        return value
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and (
        not isinstance(value, hint) or (hint is int and isinstance(value, bool))
    ):
        raise UsageError(f"{where} is {value!r}, but must be of type {hint.__name__}")
    return value


def _meant(where: str, options: tuple[Any, ...], value: Mapping[str, Any]) -> type:
    """The one of several dataclasses that a mapping stands for, by its field `network`; the only one
    where the other option is None.
    """
    options = tuple(option for option in options if option is not types.NoneType)
    if len(options) == 1:
        return options[0]
    by_name = {option.network: option for option in options}
    if value.get("network") not in by_name:
        raise unknown_name(f"{where}.network", str(value.get("network")), by_name)
    return by_name[value["network"]]


def digest(values: Any, length: int = 12) -> str:
    """A short hash of a JSON-able value that does not depend on the order of keys."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()[:length]
