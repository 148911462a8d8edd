"""`python -m platform.ui`: MLflow's interface, opened on the store that sweeps record to."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from platform.cli import interrupts
from platform.cli.flags import with_places
from platform.cli.next_steps import PORT, home_address, is_server, view_page
from platform.cli.parser import bare_parser
from platform.planning.locations import local_storage, tracking_uri
from typing import TYPE_CHECKING

from trainables.core.errors import check_range

if TYPE_CHECKING:
    from platform.cli.console import Console


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the interface until it is interrupted; returns the exit status."""
    with interrupts.interruptible():
        return interrupts.guarded(lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    namespace = _parse(arguments)
    check_range("--port", namespace.port, 1, 65535)
    uri = tracking_uri(namespace.tracking_uri, local_storage(namespace.storage), os.environ)
    from platform.backend.interface import serving
    from platform.cli.console import Console

    console = Console()
    if is_server(uri):
        _show(console, uri, uri, namespace.no_browser)
        return 0
    console.line("starting MLflow's interface")
    try:
        with serving(uri, namespace.port) as interface:
            _show(console, interface.address, uri, namespace.no_browser)
            console.line("Ctrl-C ends it")
            return interface.wait()
    except KeyboardInterrupt:
        return 0


def _show(console: Console, address: str, uri: str, no_browser: bool) -> None:
    """Say where the interface and the fronts of each dataset are, and open those of the newest run, or else
    the list of datasets, where there is a browser.
    """
    from platform.backend.interface import opened_in_browser, viewed_experiments

    home = home_address(address)
    console.line(f"MLflow:   {home}")
    views = {} if is_server(uri) else viewed_experiments(address)
    for title, experiment in views.items():
        console.line(f"{title + ':':<9} {address}/{view_page(experiment)}")
    console.line(f"store:    {uri}")
    newest = [f"{address}/{view_page(experiment)}" for experiment in views.values()][:1]
    if no_browser or not opened_in_browser(*newest or [home]):
        console.line(
            "open one of these addresses in a browser"
            if views
            else "open that address in a browser"
        )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = bare_parser(
        "python -m platform.ui",
        "Show the runs of sweeps in MLflow's interface, to this machine alone, until Ctrl-C.",
        "example: python -m platform.ui",
    )
    with_places(parser)
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N",
        help="where it is served, or at the next port that is free [%(default)s]",
    )  # fmt: skip
    parser.add_argument(
        "--no-browser", action="store_true", help="only say the address, open no browser"
    )
    value: argparse.Namespace = parser.parse_args(arguments)
    return value


if __name__ == "__main__":
    sys.exit(main())
