"""`voiced kiosk`: the link to the page, as text and as a QR code."""

import argparse
from importlib import import_module

from voiced.cli.client import ask
from voiced.cli.printing import complain, say


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--no-qr", action="store_true", help="print the links only")


def run(options: argparse.Namespace) -> int:
    """Print the links, and the first as a QR code if other devices can reach the page.

    Raises:
        RefusedError: If there is no page.
        NotRunningError: If no daemon answers.
    """
    found = ask("GET", "/kiosk")
    say(*found["links"])
    if not found["open"]:
        complain("the page can be opened only on this device; see kiosk.listen")
        return 0
    complain("anyone with this link can control this device")
    if not options.no_qr:
        _show_code(found["links"][0])
    return 0


def _show_code(link: str) -> None:
    try:
        segno = import_module("segno")
    except ModuleNotFoundError:
        complain("for a QR code: pip install 'voiced[kiosk]'")
        return
    segno.make(link, micro=False).terminal(compact=True)
