"""The standard library's `platform`, whole, and the package of what a person runs.

Started from the repository root, this package comes before the standard module of the same name, so
it executes that module's own source here and adds nothing: `platform.system()` means what it always
meant. Sub-modules are imported by name (`python -m platform.sweep`) and never from here.
"""

import importlib.machinery as _machinery
import sysconfig as _sysconfig


def _execute_standard_module() -> None:
    spec = _machinery.PathFinder.find_spec("platform", [_sysconfig.get_path("stdlib")])
    if spec is None or spec.loader is None:
        raise ImportError("the standard library's platform module cannot be found")
    code = spec.loader.get_code("platform")  # type: ignore[attr-defined]
    exec(code, globals())


_execute_standard_module()
