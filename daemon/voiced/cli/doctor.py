"""`voiced doctor`: what is wrong, and what to do about it."""

import argparse
import os
import pwd
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from voiced.cli.client import ask
from voiced.cli.printing import complain, say, say_json
from voiced.config.load import find
from voiced.doctor.checks import Wanted, check_up
from voiced.doctor.finding import Finding, Result
from voiced.errors import VoicedError
from voiced.lib import event_loop
from voiced.lib.environment import state_folder, variable
from voiced.lib.printable import shown

SERVICE_USER = "voiced"
SYSTEMD = Path("/run/systemd/system")
UNIT = "/etc/systemd/system/voiced.service"
WIDTH = 14

_MARKS = {Result.OK: "ok  ", Result.WARN: "WARN", Result.FAIL: "FAIL", Result.SKIP: "-   "}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", metavar="FILE", help="the settings file")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--online", action="store_true", help="open a session with the agent, and end it at once"
    )
    parser.add_argument(
        "--echo", action="store_true", help="play a test sound (5 s) and measure its echo"
    )


def run(options: argparse.Namespace) -> int:
    """Print every finding; return 1 if something prevents conversations.

    Raises:
        ConfigError: If there is no settings file.
    """
    path = find(options.config)
    if (user := _service_user()) is not None:
        is_installed = SYSTEMD.is_dir() and Path(UNIT).exists()
        if is_installed and variable("CREDENTIALS_DIRECTORY") is None:
            return _run_as_service(options)
        _become(user)
    wanted = Wanted(
        path=path,
        state_folder=state_folder(),
        online=options.online,
        echo=options.echo,
        service=_service_says(),
        daemon=_daemon_says(),
    )
    return event_loop.run(_examine(wanted, as_json=options.json))


async def _examine(wanted: Wanted, *, as_json: bool) -> int:
    findings: list[Finding] = []
    async for finding in check_up(wanted):
        findings.append(finding)
        if not as_json:
            say(*in_words(finding).split("\n"))
    counts = {result.value: sum(f.result is result for f in findings) for result in Result}
    if as_json:
        say_json(as_document(findings), indent=2)
    else:
        say("", f"{counts['fail']} failed, {counts['warn']} with warnings, {counts['ok']} ok")
    return 1 if counts["fail"] else 0


def in_words(finding: Finding) -> str:
    """Return a finding as a line for people, with its fix on a second line."""
    line = f"{_MARKS[finding.result]}  {finding.check:<{WIDTH}} {shown(finding.text)}"
    return f"{line}\n{'':{WIDTH + 7}}-> {shown(finding.fix)}" if finding.fix else line


def as_document(findings: list[Finding]) -> dict[str, object]:
    """Return findings for other programs. Keys and names of checks stay the same across versions."""
    return {
        "version": 1,
        "ok": all(finding.result is not Result.FAIL for finding in findings),
        "checks": [asdict(finding) | {"result": finding.result.value} for finding in findings],
    }


def _service_user() -> pwd.struct_passwd | None:
    """Return the user of the service, if we are root and it exists: root may more than it may."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return None


def _run_as_service(options: argparse.Namespace) -> int:
    """Run this command again as systemd runs the service: with its user, groups and credentials."""
    complain(f"as {SERVICE_USER}, the user of the service:")
    properties = [
        f"User={SERVICE_USER}",
        "SupplementaryGroups=audio gpio",
        "StateDirectory=voiced",
        "StateDirectoryMode=0700",
        "RuntimeDirectory=voiced-doctor",  # not the service's: systemd would remove it at the end
        "WorkingDirectory=/run/voiced-doctor",
        *_credentials(),
    ]
    command = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"]
    for each in properties:
        command += ["--property", each]
    flags = [f"--{name}" for name in ("json", "online", "echo") if getattr(options, name)]
    config = ["--config", str(Path(options.config).absolute())] if options.config else []
    command += ["--", sys.executable, "-m", "voiced", "doctor", *flags, *config]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - made of constants and flags


def _service_says() -> str | None:
    """Return the status text of the running service, None if it does not run."""
    lines = _systemctl("show", "voiced", "--property", "ActiveState,StatusText")
    told = dict(line.partition("=")[::2] for line in lines)
    return told.get("StatusText") or None if told.get("ActiveState") == "active" else None


def _daemon_says() -> dict[str, Any] | None:
    """Return the status of a running daemon, None if none answers."""
    try:
        return ask("GET", "/status")
    except VoicedError:
        return None


def _credentials() -> list[str]:
    """Return the credentials in the unit and its drop-ins, which `systemctl show` does not print."""
    found: list[str] = []
    for line in _systemctl("cat", "voiced"):
        name, _, value = line.partition("=")
        if name not in ("LoadCredential", "LoadCredentialEncrypted"):
            continue
        if value:
            found.append(line)
        else:  # in systemd, an empty value resets the list
            found = [each for each in found if not each.startswith(f"{name}=")]
    return found


def _systemctl(*arguments: str) -> list[str]:
    """Return the output of systemctl, nothing if systemd does not run."""
    if not SYSTEMD.is_dir():
        return []
    command = ["systemctl", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - constants
    return done.stdout.splitlines()


def _become(user: pwd.struct_passwd) -> None:
    # The user last: once we are no longer root, we may not change the groups.
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    complain(f"as {user.pw_name}, the user of the service:")
