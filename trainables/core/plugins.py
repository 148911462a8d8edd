"""Finds plug-ins: every public module of a package is one member, named after its file.

The file `in32_100.py` is the member `in32-100`: people write hyphens where Python has underscores.
"""

from __future__ import annotations

import ast
import functools
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from trainables.core.errors import unknown_name


@functools.cache
def names(package: str) -> tuple[str, ...]:
    """Names of a package's members: its modules that do not begin with an underscore, sorted."""
    path = importlib.import_module(package).__path__
    modules = (module.name for module in pkgutil.iter_modules(path))
    return tuple(sorted(name.replace("_", "-") for name in modules if not name.startswith("_")))


def names_for(package: str, signals: str) -> tuple[str, ...]:
    """Names of a package's members that are for signals of a kind, as `Facts.answers` names them: "image",
    "word" or "sentence".
    """
    modules = {name: load(package, "member", name) for name in names(package)}
    return tuple(name for name, module in modules.items() if is_for(module, signals))


def is_for(module: ModuleType, signals: str) -> bool:
    """Whether a member is for signals of a kind: for all, unless its SIGNALS names some."""
    return signals in getattr(module, "SIGNALS", (signals,))


def load(package: str, kind: str, name: str) -> ModuleType:
    """Import the member `name` of `package`; `kind` is what a user calls such a member.

    Raises:
        UsageError: there is no such member.
    """
    return importlib.import_module(f"{package}.{_file_of(package, kind, name)}")


@functools.cache
def defines(package: str, kind: str, name: str, word: str) -> bool:
    """Whether a member's file defines a function or a constant, which is read there: importing it may take
    seconds.

    Raises:
        UsageError: there is no such member.
    """
    (folder,) = importlib.import_module(package).__path__
    file = Path(folder) / f"{_file_of(package, kind, name)}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return word in {name for part in tree.body for name in _defined(part)}


def _defined(part: ast.stmt) -> list[str]:
    """The names that a statement defines: of a function, or of constants."""
    if isinstance(part, ast.FunctionDef):
        return [part.name]
    targets = part.targets if isinstance(part, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _file_of(package: str, kind: str, name: str) -> str:
    """The name of a member's file, without its suffix.

    Raises:
        UsageError: there is no such member.
    """
    if name not in names(package):
        raise unknown_name(kind, name, names(package))
    return name.replace("-", "_")
