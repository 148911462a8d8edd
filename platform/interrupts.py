"""What ends a run: Ctrl-C and SIGTERM alike become `KeyboardInterrupt`, mistakes one line."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from trainables.errors import UsageError

USAGE, FAILED, INTERRUPTED = 2, 1, 130


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it, SIGINT and SIGTERM raise `KeyboardInterrupt` in the main thread, once."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for ignored in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ignored, signal.SIG_IGN)
        raise KeyboardInterrupt

    previous = {s: signal.signal(s, interrupt) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def guarded(verb: Callable[[], int]) -> int:
    """Run a verb; a user's mistake becomes one line on standard error and exit status 2."""
    try:
        return verb()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def explain(error: BaseException) -> str:
    """The last line of an error, for the terminal; the whole of it is for the log."""
    return f"{type(error).__name__}: {str(error).strip().split(chr(10))[-1]}"


def trace(error: BaseException) -> str:
    """The whole of an error, for the log."""
    return "".join(traceback.format_exception(error))
