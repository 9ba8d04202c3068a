"""`voiced status`: what the daemon is doing."""

import argparse
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from voiced.cli.client import ask, watch
from voiced.cli.printing import say


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--watch", action="store_true", help="keep running and show every change")
    parser.add_argument(
        "--json", action="store_true", help="for programs: one JSON object per line"
    )


def run(options: argparse.Namespace) -> int:
    """Show the status.

    Raises:
        NotRunningError: If no daemon answers.
    """
    if not options.watch:
        found = ask("GET", "/status")
        say(*([json.dumps(found)] if options.json else _lines(found)))
        return 0
    for device_state in watch("/events"):
        say(json.dumps(device_state) if options.json else _line(device_state))
    return 0


def _line(device_state: Mapping[str, Any]) -> str:
    """Return the state of the device on one line."""
    parts = [
        f"{device_state['since'][11:23]}Z",  # the time of day in ISO 8601
        device_state["status"],
        f"volume {device_state['volume']} %",
    ]
    parts += ["muted"] if device_state["muted"] and device_state["status"] != "muted" else []
    parts += [
        f"no {side}: {device_state[side]}"
        for side in ("microphone", "speaker")
        if device_state[side]
    ]
    return "  ".join(parts)


def _tries(fault: Mapping[str, Any]) -> str:
    """Return how often a part has failed, and whether it is being tried again."""
    times = "once" if fault["failures"] == 1 else f"{fault['failures']} times"
    return f"({times}; {'restarted' if fault['runs'] else 'trying again'})"


def _lines(found: Mapping[str, Any]) -> list[str]:
    """Return the whole status, for people."""
    settings = found["settings"]
    rows = {
        "device": found["name"] or "(without a name)",
        "status": f"{found['status']} since {found['since']}",
        **({"because": found["cause"]} if found.get("cause") else {}),
        "microphone": found["microphone"] or ("muted" if found["muted"] else "works"),
        "speaker": found["speaker"] or f"works, volume {found['volume']} %",
        "version": found["version"],
    }
    if settings["revision"] is not None or settings["digest"]:
        trial = ", on trial" if settings["on_trial"] else ""
        rows["settings"] = f"revision {settings['revision']} ({settings['digest'][:12]}){trial}"
    if settings["waiting"]:
        rows["waiting"] = f"for a quiet moment: {', '.join(settings['waiting'])}"
    rows |= {"wrong": settings["complaint"]} if settings["complaint"] else {}
    rows |= {"server": settings["server"]["error"]} if settings["server"]["error"] else {}
    disk = found.get("disk") or {}
    if disk.get("failing"):
        waiting = ", ".join(disk["unwritten"])
        rows["disk"] = (
            f"cannot be written since {disk['since']}: {disk['reason']}; still to write: {waiting}"
        )
    if disk.get("set_aside"):
        rows["set aside"] = f"damaged: {', '.join(disk['set_aside'])}"
    if settings["taken_back"]:
        back = settings["taken_back"]
        rows["reverted"] = f"revision {back['revision']}: {back['reason']}"
    if settings.get("next_trial_at") is not None:
        at = datetime.fromtimestamp(settings["next_trial_at"], UTC)
        how = "`voiced reload --remote` does not wait"
        rows["next trial"] = (
            f"not before {at:%Y-%m-%d %H:%M} UTC, because the last one failed; {how}"
        )
    for fault in found.get("faults", ()):  # older daemons do not report them
        rows[fault["name"]] = f"fails: {fault['reason']} {_tries(fault)}"
    width = max(map(len, rows))
    return [f"{name:<{width}}  {words}" for name, words in rows.items()]
