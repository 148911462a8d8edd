"""Checks that the packages that are installed are those that `pyproject.toml` asks for.

None of them is imported: a torchaudio beside another torch than its own fails in the middle of
being imported, with a traceback that does not say what to install.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

from trainables.core.errors import UsageError

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
TOGETHER = ("torch", "torchvision", "torchaudio")
"""Packages whose compiled parts are built for each other's releases."""
REMEDY = "run: pip install -c constraints.txt -e ."
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_FROM_ONE_INDEX = f"pip install --force-reinstall -c constraints.txt {' '.join(TOGETHER)}"


def check_packages(
    release_of: Callable[[str], str] = metadata.version, project: Path = PROJECT
) -> None:
    """Refuse to start where a package is not installed, or where torch, torchvision and torchaudio are not
    of the releases that the project names.

    Args:
        release_of: it gives an installed package's version by the package's name.
        project: the `pyproject.toml`.

    Raises:
        UsageError: a package is missing, is outside its range, or is built for something else.
    """
    needed = requirements(project)
    missing = [name for name in needed if _release(release_of, name) is None]
    if missing:
        raise UsageError(f"not installed: {', '.join(missing)}; {REMEDY}")
    releases = {name: release_of(name) for name in TOGETHER}
    _check_ranges(releases, needed)
    _check_builds(releases)


def requirements(project: Path = PROJECT) -> dict[str, str]:
    """The project's requirements as they are written, by the names of the packages."""
    with project.open("rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    return {match.group(): line for line in lines if (match := _NAME.match(line))}


def _release(release_of: Callable[[str], str], name: str) -> str | None:
    """An installed package's version, None where it is not installed."""
    try:
        return release_of(name)
    except metadata.PackageNotFoundError:
        return None


def _check_ranges(releases: Mapping[str, str], requirements: Mapping[str, str]) -> None:
    """Refuse releases outside the project's ranges."""
    from packaging.requirements import Requirement  # here: it may be what was not installed

    ranges = {name: Requirement(requirements[name]).specifier for name in releases}
    if not all(ranges[name].contains(releases[name], prereleases=True) for name in releases):
        installed = ", ".join(f"{name} {release}" for name, release in releases.items())
        allowed = ", ".join(f"{name}{ranges[name]}" for name in releases)
        raise UsageError(f"installed are {installed}, which must be {allowed}; {REMEDY}")


def _check_builds(releases: Mapping[str, str]) -> None:
    """Refuse a torch for CPUs beside a torchvision or torchaudio for CUDA, whose libraries want what
    such a torch has not got.
    """
    builds = {name: release.partition("+")[2] for name, release in releases.items()}
    for_cuda = [f"{name} {releases[name]}" for name, build in builds.items() if build != "cpu"]
    if builds["torch"] == "cpu" and for_cuda:
        raise UsageError(
            f"torch {releases['torch']} is built for CPUs alone, but {' and '.join(for_cuda)} not: "
            f"install all from one index: {_FROM_ONE_INDEX}"
        )
