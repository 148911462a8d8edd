"""A Ray cluster of several nodes on this machine alone, each a `ray start` of its own, which come and go."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from conftest import clean_environment
from servers import free_port

RAY = Path(sys.executable).parent / "ray"
AUTHENTICATION = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "a-token-for-this-test-alone-0123456789",
}
_STORE_BYTES = 100 * 2**20
_ENVIRONMENT = {
    **AUTHENTICATION,
    "RAY_health_check_period_ms": "1000",  # of which five are missed by a node that is gone
}


class Nodes:
    """A head and other nodes; each has an address, a home and a temporary directory of its own, and the
    resources that `ray start` is told of.

    Args:
        folder: where Ray keeps its sockets and logs; its name must be short.
        resources: the head's, as words of `ray start`.
        environment: variables of all nodes.
        takes_jobs: whether the head takes jobs, at the address `dashboard`.

    Attributes:
        home: the head's home directory.
    """

    def __init__(
        self,
        folder: str,
        *resources: str,
        environment: Mapping[str, str],
        takes_jobs: bool,
    ) -> None:
        port, dashboard = free_port(), free_port()
        self.address, self._folder = f"127.0.0.1:{port}", folder
        self.dashboard = f"http://127.0.0.1:{dashboard}"
        self._environment = clean_environment(**_ENVIRONMENT, **environment)
        self.home = self._home("127.0.0.1")
        head = ["--head", "--port", str(port)]
        head += ["--include-dashboard", str(takes_jobs).lower(), "--dashboard-port", str(dashboard)]
        self._nodes = [self._start("127.0.0.1", *head, *resources)]

    @property
    def environment(self) -> dict[str, str]:
        """What a process on the head is told by environment variables to join it."""
        return {"RAY_ADDRESS": self.address, **AUTHENTICATION, **_of_home(self.home)}

    def _home(self, address: str) -> Path:
        home = Path(self._folder, f"home-{address}")
        home.mkdir(exist_ok=True)
        return home

    def _start(self, address: str, *words: str) -> subprocess.Popen[str]:
        home = _of_home(self._home(address))
        node = subprocess.Popen(
            [str(RAY), "start", "--block", "--disable-usage-stats", "--node-ip-address", address,
             "--object-store-memory", str(_STORE_BYTES),
             "--temp-dir", f"{self._folder}/{address.rsplit('.', 1)[1]}",
             # Of a port that another Ray of this machine has, the agent that takes jobs dies.
             "--dashboard-agent-listen-port", str(free_port()),
             "--dashboard-agent-grpc-port", str(free_port()), *words],
            stdout=subprocess.PIPE, text=True, env=self._environment | home,
        )  # fmt: skip
        assert node.stdout is not None
        assert any("Ray runtime started" in line for line in iter(node.stdout.readline, ""))
        return node

    def join(self, *resources: str) -> None:
        """Let another node join the head."""
        address = f"127.0.0.{len(self._nodes) + 1}"
        self._nodes.append(self._start(address, "--address", self.address, *resources))

    def kill(self) -> None:
        """Kill the node that joined last, with all that runs on it."""
        node = self._nodes.pop()
        for number in _descendants(node.pid):
            with suppress(ProcessLookupError):  # it has ended with the one before it
                os.kill(number, signal.SIGKILL)
        node.communicate()

    def close(self) -> None:
        """Kill all nodes: one that is asked to end waits for half a minute, and `ray stop` would stop any of
        this machine.
        """
        while self._nodes:
            self.kill()


@contextmanager
def nodes(
    *resources: str, environment: Mapping[str, str] = {}, takes_jobs: bool = False
) -> Iterator[Nodes]:
    """A cluster whose head has these resources, closed at the end; see `Nodes`."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    made = Nodes(folder, *resources, environment=environment, takes_jobs=takes_jobs)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


def _of_home(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}


def _descendants(process: int) -> list[int]:
    """A process and all that it has started, and these in turn."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [process]
    for number in found:
        found += children.get(number, [])
    return found
