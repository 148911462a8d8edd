"""Frozen dataclasses to and from plain mappings, and the hash that identifies them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import types
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from trainables.core.errors import UsageError, check_choice, unknown_name

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config")
Value = TypeVar("Value")

_LOCATION, _ADDED = "location", "added"


def location_field(default: Value) -> Value:
    """A field of a dataclass that says where a file lies: it is no part of the configuration's identity."""
    field: Value = dataclasses.field(default=default, metadata={_LOCATION: True})
    return field


def added_field(default: Value) -> Value:
    """A field that a later release added to a dataclass: at its default it is no part of the identity, so
    that what earlier releases stored is still found.
    """
    field: Value = dataclasses.field(default=default, metadata={_ADDED: True})
    return field


def identity(config: DataclassInstance) -> dict[str, Any]:
    """The mapping that identifies a dataclass when it is hashed.

    It is `as_mapping` without the fields made by `location_field`, and without those made by
    `added_field` that have their default.
    """
    mapping = as_mapping(config)
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        unset = field.metadata.get(_ADDED) and value == field.default
        if unset or field.metadata.get(_LOCATION):
            del mapping[field.name]
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            mapping[field.name] = identity(value)
    return mapping


def as_mapping(config: DataclassInstance) -> dict[str, Any]:
    """A dataclass as a nested dict of JSON types, tuples as lists."""
    value: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return value


def from_mapping(cls: type[Config], values: Mapping[str, object]) -> Config:
    """Build an instance of the dataclass `cls` from a mapping, nested dataclasses included.

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


def _convert(where: str, hint: Any, value: object) -> Any:
    """Convert a value of JSON to what a field of the type `hint` holds, entries of tuples included.

    Raises:
        UsageError: the value, or one inside it, is of another type.
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
    expected: type = origin or hint
    if dataclasses.is_dataclass(expected) and isinstance(value, Mapping):
        return from_mapping(expected, value)
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > sys.float_info.max:
            raise UsageError(f"{where} is a number of {len(str(value))} digits, which is too large")
        return float(value)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise UsageError(f"{where} is {value!r}, but must be of type {expected.__name__}")
    return value


def _convert_tuple(where: str, arguments: tuple[Any, ...], value: object) -> tuple[Any, ...]:
    """Convert a list to a tuple whose entries have the types `arguments`, as `typing.get_args` gives."""
    if not isinstance(value, list | tuple):
        raise UsageError(f"{where} is {value!r}, but must be a list")
    endless = len(arguments) == 2 and arguments[1] is Ellipsis
    hints = [arguments[0]] * len(value) if endless else list(arguments)
    if len(hints) != len(value):
        raise UsageError(f"{where} has {len(value)} entries, but must have {len(hints)}")
    return tuple(
        _convert(f"{where}[{i}]", *pair) for i, pair in enumerate(zip(hints, value, strict=True))
    )


def _convert_union(where: str, options: tuple[Any, ...], value: object) -> Any:
    """Convert a value of one of several types: None, a dataclass given as a mapping, or a plain value."""
    if value is None and types.NoneType in options:
        return None
    types_but_none = [option for option in options if option is not types.NoneType]
    classes = [option for option in types_but_none if dataclasses.is_dataclass(option)]
    if classes and isinstance(value, Mapping):
        return from_mapping(_choose_dataclass(where, classes, value), value)
    if len(types_but_none) == 1:
        return _convert(where, types_but_none[0], value)
    if not isinstance(value, tuple(types_but_none)):
        names = " or ".join(option.__name__ for option in types_but_none)
        raise UsageError(f"{where} is {value!r}, but must be of type {names}")
    return value


def _choose_dataclass(where: str, options: list[Any], value: Mapping[str, object]) -> type:
    """Choose among dataclasses the one whose `network` a mapping names."""
    if len(options) == 1:
        return typing.cast(type, options[0])
    by_name = {option.network: option for option in options}
    name = str(value.get("network"))
    if name not in by_name:
        raise unknown_name(f"{where}.network", name, by_name)
    return typing.cast(type, by_name[name])


def digest(values: object, length: int = 12) -> str:
    """A hash, `length` hexadecimal digits, of a JSON-able value; the order of keys does not matter."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()[:length]
