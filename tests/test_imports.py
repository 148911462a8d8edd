"""Who may import whom: each rule is data, and the code is read, not run, to see that it is kept."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

# Of each package, the modules of this project that it may import, with all that is in them.
MAY_IMPORT = {
    "platform": ("platform", "dashboards", "search_spaces", "trainables"),
    "dashboards": ("dashboards", "trainables.core", "trainables.scoring"),
    "search_spaces": ("search_spaces", "trainables"),
    "trainables": ("trainables",),
}

# Of each folder with folders in it, its parts from the top down: none imports one that comes before it.
# FILES are the folder's files that are not named themselves.
FILES = ""
LADDERS = {
    "platform": (
        FILES,
        "diagnosis",
        "robustness",
        "reproduction",
        "comparison",
        "pipeline",
        "backend",
        "cli",
        "planning",
    ),
    "platform.planning": (FILES, "presets"),
    "dashboards": ("comparison", FILES),
    "trainables": (
        "workers",
        "published",
        "evaluation",
        "training",
        "strategies",
        "sampling",
        "task",
        "models",
        "data",
        "diffusion",
        "scoring",
        FILES,
        "core",
    ),
    "trainables.training": ("part_store", "loop", "stages", FILES),
    "trainables.models": ("prepared", "speech", "images", FILES),
    "trainables.models.speech": (FILES, "whisper", "ncsnpp"),
    "trainables.data": ("datasets", "speech", FILES, "corruptions"),
}

# What others need not even be able to load, and the only folders that import it.
ONLY_IN = {"ray": ("platform", "trainables.workers")}

# Ways to a module past an import, which no rule of imports sees, and the only files that go them.
WAYS_ROUND = {
    "sys.modules": (),
    "__import__": (),
    "import_module": ("trainables/core/plugins.py",),
}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES_OF = {package: sorted((ROOT / package).rglob("*.py")) for package in MAY_IMPORT}
MODULES = {_name(path): path for paths in FILES_OF.values() for path in paths}


def _imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports anywhere in it, for types alone too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path} imports by a relative name"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


IMPORTS = {name: set(_imports(path)) for name, path in MODULES.items()}


def _within(name: str, *folders: str) -> bool:
    return any(name == folder or name.startswith(f"{folder}.") for folder in folders)


def test_the_modules_that_are_imported_are_there():
    standard = {"platform"}  # without a name after it, the standard module is meant
    for name, imported in IMPORTS.items():
        ours = {one for one in imported if one.split(".")[0] in MAY_IMPORT} - standard
        assert ours <= set(MODULES), name
    assert len(MODULES) > 100 and "trainables.workers.trial" in IMPORTS["platform.pipeline.search"]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_one_way(package):
    for name in map(_name, FILES_OF[package]):
        for imported in IMPORTS[name]:
            standard = imported == "platform" and package != "platform"
            if imported.split(".")[0] in MAY_IMPORT and not standard:
                assert _within(imported, *MAY_IMPORT[package]), f"{name} imports {imported}"


def _part(folder: str, name: str) -> str:
    """The part of a folder's ladder that a module is in."""
    first = name[len(folder) + 1 :].split(".")[0]
    return first if first in LADDERS[folder] else FILES


@pytest.mark.parametrize("folder", LADDERS)
def test_no_module_imports_up_its_ladder(folder):
    ladder = LADDERS[folder]
    for name in filter(lambda one: _within(one, folder), MODULES):
        for imported in filter(lambda one: _within(one, folder), IMPORTS[name]):
            places = [ladder.index(_part(folder, one)) for one in (name, imported)]
            assert places == sorted(places), f"{name} imports {imported}"


def test_every_folder_has_its_place_in_a_ladder():
    folders = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    inner = {name for name in folders if "." in name}
    placed = {f"{folder}.{part}" for folder, ladder in LADDERS.items() for part in ladder if part}
    plugins = {"search_spaces"}  # a folder of files alone
    assert inner <= placed and placed <= set(MODULES)
    assert {name.rpartition(".")[0] for name in inner} == set(LADDERS)
    assert folders - inner == {one for one in LADDERS if "." not in one} | plugins


def test_nothing_imports_itself_by_way_of_others():
    graph = {name: imported & set(MODULES) - {name} for name, imported in IMPORTS.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_a_file_whose_name_begins_with_an_underscore_is_its_folders_own():
    tests = {path.stem: set(_imports(path)) for path in (ROOT / "tests").glob("*.py")}
    for name, imported in {**IMPORTS, **tests}.items():
        for one in imported & set(MODULES):
            folder, _, file = one.rpartition(".")
            if file.startswith("_") and file != "__main__":
                assert _within(name, folder), f"{name} imports {one}"


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_is_imported_only_where_it_may_be(package):
    found = {name for name in MODULES if any(_within(one, package) for one in IMPORTS[name])}
    assert found and all(_within(name, *ONLY_IN[package]) for name in found)


@pytest.mark.parametrize("way", WAYS_ROUND)
def test_no_module_is_reached_past_an_import(way):
    found = [path for path in MODULES.values() if way in path.read_text()]
    assert [path.relative_to(ROOT).as_posix() for path in found] == list(WAYS_ROUND[way])
