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
    value: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return value


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
    """The value as a field of that type holds it.

    Raises:
        UsageError: it is of another type, all the way down.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _convert_union(where, arguments, value)
    if origin is typing.Literal:
        check_choice(where, value, arguments)
        return value
    if origin is tuple:
        return _convert_tuple(where, arguments, value)
    if hint is Any:
        return value
    wanted: type = origin or hint
    if dataclasses.is_dataclass(wanted) and isinstance(value, Mapping):
        return from_mapping(wanted, value)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise UsageError(f"{where} is {value!r}, but must be of type {wanted.__name__}")
    return value


def _convert_tuple(where: str, arguments: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise UsageError(f"{where} is {value!r}, but must be a list")
    endless = len(arguments) == 2 and arguments[1] is Ellipsis
    hints = [arguments[0]] * len(value) if endless else list(arguments)
    if len(hints) != len(value):
        raise UsageError(f"{where} has {len(value)} entries, but must have {len(hints)}")
    return tuple(
        _convert(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(hints, value, strict=True))
    )


def _convert_union(where: str, options: tuple[Any, ...], value: Any) -> Any:
    """A value of one of several types: None, the dataclass that a mapping names, or a plain one."""
    if value is None and types.NoneType in options:
        return None
    real = [option for option in options if option is not types.NoneType]
    named = [option for option in real if dataclasses.is_dataclass(option)]
    if named and isinstance(value, Mapping):
        return from_mapping(_meant(where, named, value), value)
    if len(real) == 1:
        return _convert(where, real[0], value)
    if not isinstance(value, tuple(real)):
        names = " or ".join(option.__name__ for option in real)
        raise UsageError(f"{where} is {value!r}, but must be of type {names}")
    return value


def _meant(where: str, options: list[Any], value: Mapping[str, Any]) -> type:
    """The one of several dataclasses that a mapping stands for, by its field `network`."""
    if len(options) == 1:
        return typing.cast(type, options[0])
    by_name = {option.network: option for option in options}
    name = str(value.get("network"))
    if name not in by_name:
        raise unknown_name(f"{where}.network", name, by_name)
    return typing.cast(type, by_name[name])


def digest(values: Any, length: int = 12) -> str:
    """A short hash of a JSON-able value that does not depend on the order of keys."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()[:length]
