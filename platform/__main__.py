"""`python -m platform`: list the verbs, with a line each."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from pathlib import Path
from platform.cli import interrupts

from trainables.core.errors import UsageError, unknown_name


def verbs() -> dict[str, str]:
    """A summary of every verb by its name: the first line of its file, which is not imported."""
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return {file.stem: _summary(file) for file in files}


def main(words: Sequence[str] | None = None) -> int:
    """List the verbs; returns the exit status."""
    return interrupts.guarded(lambda: _main(sys.argv[1:] if words is None else words))


def _main(words: Sequence[str]) -> int:
    summaries = verbs()
    if words and words[0] not in ("-h", "--help"):
        verb = words[0].removeprefix("platform.")
        if verb not in summaries:
            raise unknown_name("verb", verb, summaries)
        raise UsageError(f"a verb is a module: type python -m platform.{verb}")
    width = max(map(len, summaries))
    lines = [f"  {verb:{width}}  {summary}" for verb, summary in summaries.items()]
    header = "usage: python -m platform.VERB, each VERB with a --help of its own:"
    sys.stdout.write("\n".join([header, *lines]) + "\n")
    return 0


def _summary(file: Path) -> str:
    """The first line of a verb's docstring, without the command that it begins with."""
    docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
    return docstring.split("\n")[0].split("`: ", 1)[-1].rstrip(".")


if __name__ == "__main__":
    sys.exit(main())
