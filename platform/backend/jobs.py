"""Jobs of a Ray cluster: submitted through its dashboard, followed until they end.

Nothing here imports Ray before it is known that somebody answers.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from platform.backend.patient_client import environment
from platform.cli.interrupts import FAILED, INTERRUPTED, last_line
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trainables.core.errors import UsageError

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

ADDRESS_VARIABLES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
"""Ray's own, of which the first is taken before the second, and both before what a program names."""
USUAL_ADDRESS = "http://127.0.0.1:8265"
ROOT = Path(__file__).resolve().parents[2]
UPLOADED = ("platform", "trainables", "search_spaces", "dashboards", "pyproject.toml")
"""What a sweep needs of a checkout: all else in it stays where it is."""
EXCLUDES = (
    "/[!.]*",  # everything in the root,
    "/.?*",  # files and folders whose names begin with a point too,
    *(f"!/{name}{inside}" for name in UPLOADED for inside in ("", "/**")),  # but these;
    "/dashboards/example-*",  # and of these not the README's pictures.
)
"""What Ray leaves out of the upload, beside what `.gitignore` names, and written as there."""
_ANSWER_SECONDS = 5.0
_AGENT_SECONDS = 120.0
_AWAY_SECONDS = 60.0
_PAUSE = 2.0
_NOT_FOUND = 127  # a shell's exit status for a program that is not there


class JobError(RuntimeError):
    """A cluster does not take a job, or does not answer any more. The message is one line."""


class _Log:
    """What a job has said so far: a log that is read again from its beginning is written once.

    Args:
        write: gets what is new.

    Attributes:
        length: how many letters of it have been written.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write, self.length = write, 0

    async def read(self, client: JobSubmissionClient, name: str) -> None:
        """Write what a job says, until it ends or the connection does."""
        position = 0
        async for text in client.tail_job_logs(name):
            new = text[max(0, self.length - position) :]
            position += len(text)
            if new:
                self.length = position
                self._write(new)


def address_of(argument: str | None, variables: Mapping[str, str]) -> str:
    """The address of a cluster's dashboard: the argument, else what Ray's variables say, else this machine's.

    Raises:
        UsageError: it is none.
    """
    named = [variables[name] for name in ADDRESS_VARIABLES if variables.get(name)]
    address = argument or (named or [USUAL_ADDRESS])[0]
    full = address if "://" in address else f"http://{address}"
    try:
        parts = urlsplit(full)
        is_right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        is_right = is_right and not (parts.query or parts.fragment)
    except ValueError:
        is_right = False
    if not is_right or not full.isprintable() or ("://" not in address and argument is None):
        raise UsageError(
            f"the cluster's address is {masked(address)!r}, but jobs go to its dashboard: --address http://HOST:8265"
        )
    return full.rstrip("/")


def masked(address: str) -> str:
    """An address for people: `***` is in the place of a name, password or token in it."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "", address
    place, question, _ = rest.partition("?")
    host, slash, path = place.partition("/")
    host = f"***@{host.rpartition('@')[2]}" if "@" in host else host
    return f"{scheme}{separator}{host}{slash}{path}" + ("?***" if question else "")


def check_answers(address: str) -> None:
    """Refuse an address where no dashboard of Ray answers within seconds.

    Raises:
        UsageError: nobody answers, or somebody else.
    """
    import requests

    try:
        response = requests.get(f"{address}/api/version", timeout=_ANSWER_SECONDS)
    except requests.RequestException as error:
        what = "in time" if isinstance(error, requests.Timeout) else "there"
        raise UsageError(
            f"nobody answers {what} at {masked(address)}: name the cluster's dashboard, --address "
            "http://HOST:8265, which `ray start --head` prints, where this machine reaches it"
        ) from error
    if response.status_code not in (200, 401, 403) or (
        response.status_code == 200 and "ray_version" not in response.text
    ):
        raise UsageError(
            f"what answers at {masked(address)} is no dashboard of Ray: name it, --address http://HOST:8265"
        )


def connected(address: str) -> JobSubmissionClient:
    """A client for the jobs of a cluster.

    Raises:
        UsageError: this environment cannot submit jobs, or the cluster asks for another token.
    """
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    try:
        with environment({ADDRESS_VARIABLES[0]: address}):  # else Ray takes what is there
            return JobSubmissionClient(address)
    except AuthenticationError as error:
        raise UsageError(
            f"the cluster at {masked(address)} asks for another token ({_reason(error)}): "
            "export RAY_AUTH_MODE=token, and put the head's ~/.ray/auth_token in this machine's, or in "
            "RAY_AUTH_TOKEN"
        ) from error
    except (ConnectionError, RuntimeError) as error:
        raise UsageError(
            f"no jobs can be submitted to {masked(address)} ({_reason(error)}): the cluster and this "
            "environment need the extra cluster, pip install -c constraints.txt -e '.[cluster]'"
        ) from error


def submitted(
    client: JobSubmissionClient,
    name: str,
    command: Sequence[str],
    variables: Mapping[str, str],
    tell: Callable[[str], None],
) -> None:
    """Upload this checkout and submit a command as a job, as soon as the cluster takes one: its dashboard is
    up before the agent that starts jobs.

    Args:
        client: the cluster's.
        name: the job's, which no other of the cluster has.
        command: its words.
        variables: what its environment has beside the cluster's own.
        tell: gets a line where the cluster is waited for.

    Raises:
        JobError: the cluster does not take it.
    """
    runtime = {"working_dir": str(ROOT), "excludes": [*EXCLUDES], "env_vars": {**variables}}
    deadline, has_told = time.monotonic() + _AGENT_SECONDS, False
    while True:
        try:
            with quiet_ray():
                client.submit_job(
                    entrypoint=shlex.join(command), submission_id=name, runtime_env=runtime
                )
            return
        except RuntimeError as error:
            if has_told and f"submission_id {name} already exists" in str(error):
                return  # the answer to an earlier try was lost
            if "No available agent" not in str(error):
                raise JobError(f"the cluster refuses the job: {_reason(error)}") from error
            if time.monotonic() > deadline:
                raise JobError(
                    "the cluster has no agent that starts jobs: the head's dashboard_agent.log says why, "
                    "such as a port that another cluster of the machine has (ray start "
                    "--dashboard-agent-listen-port)"
                ) from error
            if not has_told:
                tell("waiting for the cluster's agent, which starts jobs")
            has_told = True
            time.sleep(_PAUSE)


def followed(client: JobSubmissionClient, name: str, write: Callable[[str], object]) -> JobDetails:
    """Write what a job says as it says it, until it has ended; returns how it ended.

    A connection that breaks is made again, and nothing is written twice.

    Raises:
        JobError: the cluster has not answered for a minute.
    """
    from aiohttp import ClientError

    log, away_since = _Log(write), None
    while True:
        length = log.length
        try:
            with quiet_ray():
                asyncio.run(log.read(client, name))
                details = client.get_job_info(name)
            away_since = None
        except (OSError, RuntimeError, ClientError) as error:
            if away_since is None or log.length > length:
                away_since = time.monotonic()
            if time.monotonic() - away_since > _AWAY_SECONDS:
                raise JobError(
                    f"the cluster does not answer any more ({_reason(error)}); if it is there, the job "
                    "goes on"
                ) from error
        else:
            if details.status.is_terminal():
                return details
        time.sleep(_PAUSE)


def exit_status(details: JobDetails) -> int:
    """The exit status of a verb for a job that has ended: the job's own, where it has one."""
    if details.status == "SUCCEEDED":
        return 0
    return INTERRUPTED if details.status == "STOPPED" else details.driver_exit_code or FAILED


def ending(details: JobDetails) -> str:
    """How a job has ended, in words; why, where its own output does not say it."""
    status = f"has {details.status.lower()}"
    if details.status != "FAILED":
        return status
    if details.driver_exit_code == _NOT_FOUND:
        return f"{status}: the head has no `python`; activate its environment there, then start it again"
    if details.driver_exit_code is None:
        return f"{status}: {_reason(RuntimeError(details.message or 'Ray does not say why'))}"
    return status


def ray_command(address: str, variables: Mapping[str, str], *words: str) -> str:
    """A command of Ray's to copy, for the cluster at this address. An address with a secret is not printed:
    the variable that Ray reads is named in its place.
    """
    program = Path(sys.executable).with_name("ray")
    inside = program.is_relative_to(Path.cwd())
    shown = program.relative_to(Path.cwd()) if inside else program
    command = shlex.join([str(shown), *words])
    if masked(address) != address:
        return f'{command} --address "${ADDRESS_VARIABLES[0]}"'
    others = [name for name in ADDRESS_VARIABLES if variables.get(name, address) != address]
    without = "".join(f"-u {name} " for name in others)  # Ray takes them before any flag
    return f"{f'env {without}' if others else ''}{command} --address {shlex.quote(address)}"


@contextmanager
def quiet_ray() -> Iterator[None]:
    """Within it, Ray's client does not tell what it does."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(previous)


def _reason(error: BaseException) -> str:
    """The first line of an error of Ray's client, or the last of the remote one that it brings."""
    text = str(error).strip()
    return last_line(text.rstrip(". \n")) if "Traceback" in text else text.split("\n")[0]
