"""A client of MLflow that waits for a tracking store which is away, says so, and gives up in the end.

MLflow itself asks a server seven times, each time for two minutes, and is silent meanwhile. Here it asks
once, and the waiting is done in one place, for every call.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from platform.cli.failures import OutsideError, disk_is_full
from platform.cli.interrupts import held_back, say
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.exceptions import MlflowException

_ONE_REQUEST = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",  # seconds, in which a busy server answers
}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0  # seconds between two requests
_LONGEST_REASON = 160
_COLLISIONS = 5  # that one call may have with those of other processes
# What SQLite, PostgreSQL and MySQL say where a row is there already.
_COLLIDED = ("UNIQUE constraint failed", "violates unique constraint", "Duplicate entry")


class StoreAway(OutsideError):
    """The tracking store has not answered for as long as it was to be waited for."""


class PatientClient:
    """MLflow's client, each of whose calls is made again while the store is away.

    A call whose answer was lost may have been done; made again, it does the same as once: runs are not made
    twice, and MLflow keeps one of two equal values. So it is where another process writes the same tag or the
    same dataset at the same moment, which MLflow refuses to one of the two: the second time it is there.

    Args:
        client: MLflow's own; what is not a call is passed through.
        patience: seconds that the store may be away for.
        tell: gets a line when the store is away, and when it is back.

    Attributes:
        patience: as above; it may be changed.
    """

    def __init__(
        self, client: MlflowClient, patience: float, tell: Callable[[str], None] = say
    ) -> None:
        self._client, self.patience, self._tell = client, patience, tell

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._client, name)
        return functools.partial(self._waiting, value) if callable(value) else value

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, str] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """A new run, as MLflow's client makes it; the one that was made where only the answer was lost.

        Raises:
            StoreAway: the store is away.
        """
        start = int(time.time() * 1000) if start_time is None else start_time
        attempts = 0

        def create() -> Run:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                query = f"attributes.start_time = {start} and attributes.status = 'RUNNING'"
                for run in self._client.search_runs([experiment_id], query):
                    if (
                        run.info.run_name == run_name
                        and dict(tags or {}).items() <= run.data.tags.items()
                    ):
                        return run
            return self._client.create_run(experiment_id, start, dict(tags or {}), run_name)

        made: Run = self._waiting(create)
        return made

    def _waiting(self, call: Callable[..., Any], *words: Any, **named: Any) -> Any:
        """Make a call, again and again while the store is away, and again where another process was at the
        same.

        Raises:
            StoreAway: it has been away for too long.
            MlflowException: the store has answered, and refuses.
        """
        from mlflow.exceptions import MlflowException

        began, pause, told = time.monotonic(), _FIRST_PAUSE, False
        collisions = 0
        while True:
            try:
                with environment(_ONE_REQUEST), self._whole():
                    answer = call(*words, **named)
                if told:
                    self._tell(
                        f"          the tracking store answers again, after {time.monotonic() - began:.0f} s"
                    )
                return answer
            except MlflowException as error:
                if _collided(error) and collisions < _COLLISIONS:
                    collisions += 1
                    continue
                reason = _away(error)
                if not reason:
                    raise
                left = began + self.patience - time.monotonic()
                if left <= 0:
                    raise self._given_up(reason) from error
            if not told:
                told = True
                self._tell(
                    f"          the tracking store {self._client.tracking_uri} does not answer ({reason}): "
                    f"waiting for it, up to {self.patience:.0f} s"
                )
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _whole(self) -> AbstractContextManager[None]:
        """Within it an interruption waits, where runs are in SQLite: one amid a reading would leave a cursor
        whose lock lets nobody write, so that no run could be ended. What a server is asked for can be
        interrupted.
        """
        in_file = self._client.tracking_uri.startswith("sqlite")
        in_main = threading.current_thread() is threading.main_thread()  # where signals are handled
        return held_back() if in_file and in_main else nullcontext()

    def _given_up(self, reason: str) -> StoreAway:
        """The end of all patience."""
        return StoreAway(
            f"the tracking store {self._client.tracking_uri} has been away for {self.patience:.0f} s "
            f"({reason}), see --tracking-patience"
        )


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables within the context, and restore them afterwards."""
    earlier = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in earlier.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def set_patience(client: MlflowClient, seconds: float) -> None:
    """Let a client of `tracking_store.client_of` wait for so long from now on."""
    cast("PatientClient", client).patience = seconds


def _collided(error: MlflowException) -> bool:
    """Whether another process wrote the same row between this call's look and its writing."""
    return any(words in str(error) for words in _COLLIDED)


def _away(error: MlflowException) -> str:
    """Why the store is away, in few words; empty where it answered, or where waiting does not help."""
    if disk_is_full(error):
        return ""
    message = str(error)
    request_failed = message.startswith("API request to") and "failed with" in message
    if not request_failed and error.error_code != "TEMPORARILY_UNAVAILABLE":
        return ""
    for words in ("Connection refused", "timed out", "Name or service not known", "is locked"):
        if words.lower() in message.lower():
            return words.lower()
    reason = message.split("Caused by ")[-1] if request_failed else message
    return reason.strip().split("\n")[0][-_LONGEST_REASON:]
