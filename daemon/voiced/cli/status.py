"""`voiced status`: what the daemon is doing."""

import argparse
import json
from collections.abc import Mapping
from typing import Any

from voiced.cli.asking import ask, watch


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--watch", action="store_true", help="go on and show every change")
    parser.add_argument("--json", action="store_true", help="for programs: an object a line")


def run(options: argparse.Namespace) -> int:
    """Show it.

    Raises:
        NotRunningError: If no daemon answers.
    """
    if not options.watch:
        found = ask("GET", "/status")
        print(json.dumps(found) if options.json else "\n".join(_lines(found)))
        return 0
    for sight in watch("/events"):
        print(json.dumps(sight) if options.json else _line(sight), flush=True)
    return 0


def _line(sight: Mapping[str, Any]) -> str:
    """Return what can be seen on one line."""
    parts = [f"{sight['since'][11:23]}Z", sight["status"], f"volume {sight['volume']} %"]
    parts += ["muted"] if sight["muted"] and sight["status"] != "muted" else []
    parts += [f"no {side}: {sight[side]}" for side in ("microphone", "speaker") if sight[side]]
    return "  ".join(parts)


def _lines(found: Mapping[str, Any]) -> list[str]:
    """Return all that is known, for people."""
    settings = found["settings"]
    rows = {
        "device": found["name"] or "(without a name)",
        "status": f"{found['status']} since {found['since']}",
        "microphone": found["microphone"] or ("muted" if found["muted"] else "works"),
        "speaker": found["speaker"] or f"works, volume {found['volume']} %",
        "version": found["version"],
    }
    if settings["revision"] is not None or settings["digest"]:
        trial = ", on trial" if settings["on_trial"] else ""
        rows["settings"] = f"revision {settings['revision']} ({settings['digest'][:12]}){trial}"
    if settings["waiting"]:
        rows["waiting"] = f"until nobody talks: {', '.join(settings['waiting'])}"
    rows |= {"wrong": settings["complaint"]} if settings["complaint"] else {}
    rows |= {"server": settings["server"]["error"]} if settings["server"]["error"] else {}
    if settings["taken_back"]:
        back = settings["taken_back"]
        rows["taken back"] = f"revision {back['revision']}: {back['reason']}"
    width = max(map(len, rows))
    return [f"{name:<{width}}  {words}" for name, words in rows.items()]
