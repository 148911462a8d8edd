"""Files that sweeps attached to their runs in MLflow, fetched by its client from wherever they are kept."""

from __future__ import annotations

from pathlib import Path
from platform.backend.patient_client import StoreAway
from platform.backend.tracking_database import directory_of
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trainables.core.errors import UsageError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_MOST_BYTES = 2**28
_LONGEST = 200  # letters of a reason


def artifact_of(client: MlflowClient, run: str, name: str) -> bytes | None:
    """The content of a file that is attached to a run; None where there is none.

    Raises:
        UsageError: it cannot be read; the message is a reason, without the file's name.
        StoreAway: the store does not answer any more.
    """
    with TemporaryDirectory(prefix="compare-") as folder:
        try:
            file = Path(client.download_artifacts(run, name, folder))
        except StoreAway:
            raise
        except (
            Exception
        ) as error:  # the drivers of places that keep files raise errors of their own
            _refuse_elsewhere(client, run)
            if _is_missing(client, run, name):
                return None
            raise UsageError(_reason(error)) from error
        if not file.is_file():
            raise UsageError("it is no file")
        if file.stat().st_size > _MOST_BYTES:
            raise UsageError(f"it has more than {_MOST_BYTES // 2**20} MiB")
        return file.read_bytes()


def _refuse_elsewhere(client: MlflowClient, run: str) -> None:
    """Refuse a run of an experiment whose files are in a directory of another machine.

    Raises:
        UsageError: they are.
    """
    place = directory_of(client.get_run(run).info.artifact_uri)
    experiment = None if place is None else place.parent.parent
    if experiment is not None and not experiment.is_dir():
        raise UsageError(f"its files are in {experiment}, which is not on this machine")


def _is_missing(client: MlflowClient, run: str, name: str) -> bool:
    """Whether a run has no such file, as far as its place of files can be listed."""
    try:
        return name not in {item.path for item in client.list_artifacts(run)}
    except StoreAway:
        raise
    except (
        Exception
    ):  # whatever keeps the files raises its own; the caller tells of the failure before it
        return False


def _reason(error: Exception) -> str:
    """The first line of an error."""
    return (str(error).strip() or type(error).__name__).split("\n")[0][:_LONGEST]
