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


def load(package: str, kind: str, name: str) -> ModuleType:
    """Import the member `name` of `package`; `kind` is what a user calls such a member.

    Raises:
        UsageError: there is no such member.
    """
    if name not in names(package):
        raise unknown_name(kind, name, names(package))
    return importlib.import_module(f"{package}.{name.replace('-', '_')}")
