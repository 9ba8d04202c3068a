"""`voiced doctor`: what is wrong, and what to do about it."""

import argparse
import asyncio
import json
import os
import pwd
import sys
from dataclasses import asdict

from voiced.config.environment import state_folder
from voiced.config.load import find
from voiced.doctor.checkup import Wanted, check_up
from voiced.doctor.finding import Finding, Result

SERVICE_USER = "voiced"
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
    """Print every finding; return 1 if something stops conversations.

    Raises:
        ConfigError: If there is no settings file.
    """
    wanted = Wanted(
        path=find(options.config),
        state_folder=state_folder(),
        online=options.online,
        echo=options.echo,
    )
    if (user := _service_user()) is not None:
        _become(user)
    return asyncio.run(_examine(wanted, as_json=options.json))


async def _examine(wanted: Wanted, *, as_json: bool) -> int:
    findings: list[Finding] = []
    async for finding in check_up(wanted):
        findings.append(finding)
        if not as_json:
            print(in_words(finding), flush=True)
    counts = {result.value: sum(f.result is result for f in findings) for result in Result}
    if as_json:
        print(json.dumps(as_document(findings), indent=2))
    else:
        print(f"\n{counts['fail']} to mend, {counts['warn']} to look at, {counts['ok']} ok")
    return 1 if counts["fail"] else 0


def in_words(finding: Finding) -> str:
    """Return a finding as a line for people, its fix on one of its own."""
    line = f"{_MARKS[finding.result]}  {finding.check:<{WIDTH}} {finding.text}"
    return f"{line}\n{'':{WIDTH + 7}}-> {finding.fix}" if finding.fix else line


def as_document(findings: list[Finding]) -> dict[str, object]:
    """Return findings for other programs; keys and names of checks stay from version to version."""
    return {
        "version": 1,
        "ok": all(finding.result is not Result.FAIL for finding in findings),
        "checks": [asdict(finding) | {"result": finding.result.value} for finding in findings],
    }


def _service_user() -> pwd.struct_passwd | None:
    """Return the user of the service, if we are root and there is one: what root may, it may not."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return None


def _become(user: pwd.struct_passwd) -> None:
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    print(f"as {user.pw_name}, the user of the service:", file=sys.stderr)
