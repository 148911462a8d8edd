"""Checks of a cluster's nodes before anything starts: each must have the packages of the driver's node, and
see the same storage and data.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from platform.cli.interrupts import last_line
from platform.cli.packages import requirements
from platform.planning.setup import Setup

from trainables.core.errors import UsageError
from trainables.core.files import write_whole
from trainables.core.places import is_uri, place
from trainables.models.speech.whisper.config import SIZES
from trainables.workers.node import LISTED, NodeReport, Places, node_report

_ANSWER_SECONDS = 120.0  # that a node may take to start a process
_SHARED = "name a directory that all nodes share by --storage, such as one of NFS"
_OBJECTS = "set its endpoint and credentials in that node's environment before ray start"
_INSTALL = "run there: pip install -c constraints.txt -e '.[cluster]'"


def check_nodes(setup: Setup, nodes: Mapping[str, str]) -> None:
    """Refuse a cluster on which a node differs from this one. Nothing is done where there is no other node.

    Args:
        setup: what is to be run.
        nodes: the other nodes' names by their ids.

    Raises:
        UsageError: a node lacks a package or has another release of it, has another Python, does not see the
            storage or the data, or does not answer. The message names all such nodes.
    """
    if not nodes:
        return
    with _marked(setup) as places:
        here, reports = node_report([*requirements()], places), _reports(nodes, places)
    faults: dict[str, list[str]] = {}
    for node, report in reports.items():
        fault = report if isinstance(report, str) else fault_of(report, here, places)
        if fault:
            faults.setdefault(fault, []).append(f"node {nodes[node]}")
    if faults:
        raise UsageError(
            "; ".join(f"{', '.join(sorted(names))} {fault}" for fault, names in faults.items())
        )


def fault_of(node: NodeReport, here: NodeReport, places: Places) -> str:
    """How a node differs from this one so that it cannot take part, and what to do; empty where it can."""
    missing = [name for name, release in node.releases.items() if release is None]
    if missing:
        return f"lacks {', '.join(missing)}: {_INSTALL}"
    if _minor(node.python) != _minor(here.python):
        return (
            f"has Python {node.python}, the driver {here.python}: make its environment anew with the "
            "driver's"
        )
    others = [
        f"{name} {release} (the driver {here.releases[name]})"
        for name, release in node.releases.items()
        if release != here.releases[name]
    ]
    if others:
        return f"has {', '.join(others)}: {_INSTALL}"
    if node.storage_fault:
        remedy = _OBJECTS if is_uri(places.storage) else _SHARED
        return f"does not share the storage: {places.storage} {node.storage_fault}; {remedy}"
    return _fault_of_paths(node, here)


def _fault_of_paths(node: NodeReport, here: NodeReport) -> str:
    """What a node does not see of the files and directories that are read; empty where it sees all."""
    for path, expected in here.entries.items():
        entries = node.entries[path]
        if entries is None:
            return f"does not see {path}: put it there, or name one that all nodes see"
        missing = sorted({*(expected or ())} - {*entries})
        if missing and len(entries) < LISTED:
            return f"has no {missing[0]} in {path}, which the driver's node has: make them the same"
    return ""


@contextmanager
def _marked(setup: Setup) -> Iterator[Places]:
    """What all nodes must see, with a file in the storage that says by which it can be told."""
    plan = setup.plan
    paths = [plan.data_dir, plan.sgmse, "" if plan.whisper in SIZES else plan.whisper]
    storage, marked = place(plan.storage), secrets.token_hex(16)
    marker = storage / f".seen-{secrets.token_hex(8)}"
    write_whole(marker, marked.encode())
    try:
        yield Places(plan.storage, marker.name, marked, tuple(filter(None, paths)))
    finally:
        marker.unlink()


def _reports(nodes: Mapping[str, str], places: Places) -> dict[str, NodeReport | str]:
    """What each node is like by its id, or what is the matter with it."""
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    remote = ray.remote(num_cpus=0, max_retries=0)(node_report)
    calls = {
        remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
            [*requirements()], places
        ): node
        for node in nodes
    }
    completed, pending = ray.wait([*calls], num_returns=len(calls), timeout=_ANSWER_SECONDS)
    reports: dict[str, NodeReport | str] = {}
    for call in pending:
        ray.cancel(call)
        reports[calls[call]] = (
            f"starts no process within {_ANSWER_SECONDS:.0f} s: look into its logs, or take it out"
        )
    for call in completed:
        try:
            reports[calls[call]] = ray.get(call)
        except RayError as error:
            reports[calls[call]] = f"cannot run this code ({last_line(str(error))}): {_INSTALL}"
    return reports


def _minor(version: str) -> list[str]:
    """The release of Python that code is compiled for: 3.11 of 3.11.7."""
    return version.split(".")[:2]
