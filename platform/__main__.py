"""`python -m platform`: the verbs, with a line each."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts

from trainables.core.errors import UsageError, unknown_name


def verbs() -> dict[str, str]:
    """What every verb does, by its name: the first line of its file, which is not imported."""
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return {file.stem: _said(file) for file in files}


def main(arguments: Sequence[str] | None = None) -> int:
    """List the verbs; returns the exit status."""
    return interrupts.guarded(lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: Sequence[str]) -> int:
    known = verbs()
    if arguments and arguments[0] not in ("-h", "--help"):
        verb = arguments[0].removeprefix("platform.")
        if verb not in known:
            raise unknown_name("verb", verb, known)
        raise UsageError(f"a verb is a module: type python -m platform.{verb}")
    width = max(map(len, known))
    lines = [f"  {verb:{width}}  {said}" for verb, said in known.items()]
    header = "usage: python -m platform.VERB, each VERB with a --help of its own:"
    sys.stdout.write("\n".join([header, *lines]) + "\n")
    return 0


def _said(file: Path) -> str:
    """The first line of a verb's docstring, after how it is called."""
    described = ast.get_docstring(ast.parse(file.read_text())) or ""
    return described.split("\n")[0].split("`: ", 1)[-1].rstrip(".")


if __name__ == "__main__":
    sys.exit(main())
