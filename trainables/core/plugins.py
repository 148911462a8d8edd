"""Finds plug-ins: every public module of a package is one member, named after its file.

The file `in32_100.py` is the member `in32-100`: people write hyphens where Python has underscores.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import ModuleType

from trainables.core.errors import unknown_name


@functools.cache
def names(package: str) -> tuple[str, ...]:
    """Names of a package's members: its modules that do not begin with an underscore, sorted."""
    path = importlib.import_module(package).__path__
    modules = (module.name for module in pkgutil.iter_modules(path))
    return tuple(sorted(name.replace("_", "-") for name in modules if not name.startswith("_")))


def names_for(package: str, signals: str) -> tuple[str, ...]:
    """Names of a package's members that are for a kind of signals, "image" or "speech"."""
    modules = {name: load(package, "member", name) for name in names(package)}
    return tuple(name for name, module in modules.items() if is_for(module, signals))


def is_for(module: ModuleType, signals: str) -> bool:
    """Whether a member is for a kind of signals: for all, unless its SIGNALS names some."""
    return signals in getattr(module, "SIGNALS", (signals,))


def load(package: str, kind: str, name: str) -> ModuleType:
    """Import the member `name` of `package`; `kind` is what a user calls such a member.

    Raises:
        UsageError: there is no such member.
    """
    if name not in names(package):
        raise unknown_name(kind, name, names(package))
    return importlib.import_module(f"{package}.{name.replace('-', '_')}")
