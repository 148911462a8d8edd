"""The ends of a run: Ctrl-C and SIGTERM alike become `KeyboardInterrupt`, mistakes become one line."""

from __future__ import annotations

import atexit
import gc
import re
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from platform.cli.failures import OutsideError, disk_is_full, full_disk, goes_on
from platform.cli.packages import check_packages
from platform.planning.locations import without_passwords
from types import FrameType

from trainables.core.errors import UsageError

USAGE, FAILED, INTERRUPTED = 2, 1, 130
_WAIT_SECONDS = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Python looks through all objects again and again as it ends, seconds long with torch and Ray loaded, while
# the last line is on the terminal already. Registered early, this runs after what Ray has to end.
atexit.register(gc.freeze)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within it, SIGINT and SIGTERM raise `KeyboardInterrupt` in the main thread, once."""
    previous = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interrupted() -> bool:
    """Whether a signal has come: from then on both are ignored.

    Code in between can lose the `KeyboardInterrupt` (an object's finaliser swallows it, a database
    driver turns it into an error of its own), so whoever handles errors or goes on with more work
    must ask this.
    """
    return all(signal.getsignal(number) is signal.SIG_IGN for number in _SIGNALS)


def check() -> None:
    """Stop if a signal has come.

    Raises:
        KeyboardInterrupt: one has come.
    """
    if interrupted():
        raise KeyboardInterrupt


def rearm() -> None:
    """Put the handlers of `interruptible` back in force, where a library has put others in their place.

    Raises:
        KeyboardInterrupt: a signal has come already.
    """
    check()
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


@contextmanager
def held_back() -> Iterator[None]:
    """Within it, SIGINT and SIGTERM wait; one that has come takes effect at the end."""
    came: list[int] = []
    with _handled(came.append):
        yield
    if came:
        signal.raise_signal(came[0])


@contextmanager
def answered(action: Callable[[], None]) -> Iterator[None]:
    """Within it, SIGINT and SIGTERM, also those that were ignored before, call `action`."""
    with _handled(lambda number: action()):
        yield


@contextmanager
def _handled(handler: Callable[[int], None]) -> Iterator[None]:
    """Within it, SIGINT and SIGTERM call `handler` with their numbers."""
    previous = {
        number: signal.signal(number, lambda number, frame: handler(number)) for number in _SIGNALS
    }
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ignore further signals, and raise what ends the run."""
    for signal_number in _SIGNALS:
        signal.signal(signal_number, signal.SIG_IGN)
    raise KeyboardInterrupt


def in_background(*works: Callable[[], None]) -> None:
    """Run each of `works` in a thread of its own and wait for all, so that the main thread can be interrupted
    meanwhile: Ray Train takes SIGINT for itself wherever it runs in the main thread.

    Raises:
        Exception: whatever one of them raised, the first that did.
    """
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # handed to the waiting thread, which raises it
            failures.append(error)

    running = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in running:
        thread.start()
    for thread in running:
        while thread.is_alive():
            thread.join(_WAIT_SECONDS)
    if failures:
        raise failures[0]


def guarded(verb: Callable[[], int]) -> int:
    """Run a verb, where the packages it needs are installed; a user's mistake becomes one line on
    standard error and exit status 2, and what fails otherwise one line and exit status 1. A verb imports what
    loads torch only when it is run.
    """
    try:
        check_packages()
        return verb()
    except UsageError as error:
        message = without_passwords(str(error)).replace("\n", "\\n")  # names may have line ends
        print(f"error: {message}", file=sys.stderr)
        return USAGE
    except OutsideError as error:
        return _ended_from_outside(error)
    except BrokenPipeError:
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if disk_is_full(error):
            return _ended_from_outside(full_disk(error, ()))
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say in one line what has failed, and keep the whole of it in a file; returns the exit status."""
    name = "platform-failure-"
    with tempfile.NamedTemporaryFile("w", prefix=name, suffix=".log", delete=False) as file:
        file.write(trace(error))
    print(f"error: {explain(error)}\n       more in {file.name}", file=sys.stderr)
    return FAILED


def _ended_from_outside(error: OutsideError) -> int:
    """Say in one line what has failed, what is kept and how to go on; returns the exit status."""
    print(f"error: {without_passwords(str(error))}; {goes_on()}", file=sys.stderr)
    return FAILED


def say(line: str) -> None:
    """Write a line to the standard error, beside the results on the standard output."""
    print(without_passwords(line), file=sys.stderr)


def last_line(text: str) -> str:
    """The last line of a remote error's text: the exception itself, without the name of its module."""
    return re.sub(r"^(\w+\.)+(?=\w+(: |$))", "", text.strip().split("\n")[-1])


def explain(error: BaseException) -> str:
    """The last line of an error, for the terminal; the whole of it is for the log."""
    return without_passwords(f"{type(error).__name__}: {last_line(str(error))}")


def trace(error: BaseException) -> str:
    """The whole of an error, for the log."""
    return without_passwords("".join(traceback.format_exception(error)))
