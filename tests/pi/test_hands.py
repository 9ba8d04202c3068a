"""What the agent may do under systemd: timers that outlive the power, and programs of the owner."""

import subprocess
import time

import pytest

from tests.pi.agent import KEY
from tests.pi.home import ROOT

PROGRAM = """\
#!/bin/sh
exec >/var/lib/voiced/seen 2>&1
echo "user $(id -un), nice $(nice), $(taskset -pc $$ | sed 's/.*: /cores /')"
cat /proc/self/cgroup
cat /etc/voiced/api-key "$CREDENTIALS_DIRECTORY/api-key"
touch /etc/voiced/mine
env
setsid sleep 601 &
sleep 602
"""

TOOLS = """\
command_tools:
  feed_the_cat:
    description: Feed the cat.
    argv: [/srv/feed-the-cat]
    timeout_s: 3
"""

SCENARIO = """\
name: hands
turns:
  - when: {turn: 1}
    do:
      - call: {name: feed_the_cat}
      - say: Done.
"""


SERVER = """\
from mcp.server.mcpserver import MCPServer

server = MCPServer("cats")


@server.tool()
def count_cats() -> int:
    \"\"\"Count the cats in the house.\"\"\"
    return 3


server.run("stdio")
"""

MCP = """\
mcp:
  house: {command: [/opt/voiced/current/bin/python, /srv/cats.py]}
"""

CATS = """\
name: cats
turns:
  - do:
      - call: {name: house_count_cats}
      - say: Done.
"""


@pytest.mark.full
def test_a_timer_set_by_voice_outlives_a_power_cut(installed):
    it = installed
    it.agent.start("--voice", "espeak")
    it.converse()
    it.wait_for("listening", within_s=20)
    asked_s = time.time()
    it.say("set a timer for twenty seconds")
    it.pi.guest.until(
        lambda: it.agent.events("turn", asked_s) and "tool.result" in received(it, asked_s), 20
    )
    it.pi.guest("test -s /var/lib/voiced/alarms.json")
    it.pi.reboot_by_power_cut()
    back_s = time.time()
    it.pi.guest.until(lambda: "reply.create" in received(it, back_s - 60), 60, "the announcement")
    said = it.agent.wait("reply_audio", asked_s + 20, 20)
    it.wait_for("asleep", within_s=40)
    it.pi.guest.until(
        lambda: it.pi.guest("cat /var/lib/voiced/alarms.json") == "[]\n", 10, "no alarm"
    )
    it.measured(
        "a timer of 20 s, the power cut",
        f"announced {said['at_s'] - asked_s:.0f} s after it was set, {up_since(it):.0f} s after the kernel began",
    )


@pytest.mark.full
def test_a_program_of_the_owner_has_no_rights_and_leaves_nothing_behind(installed):
    it = installed
    scenario = it.folder / "hands.yaml"
    scenario.write_text(SCENARIO)
    it.pi.guest.write("/srv/feed-the-cat", PROGRAM)
    it.pi.guest("chmod 755 /srv/feed-the-cat")
    it.write_settings(it.settings(TOOLS))
    it.agent.start("--voice", "espeak", "--scenario", str(scenario))
    it.converse()
    it.wait_for("listening", within_s=20)
    asked_s, cursor = time.time(), it.pi.guest.cursor()
    it.say("what time is it")
    (result,) = it.pi.guest.until(lambda: results(it, asked_s), 20, "the result")
    assert result["is_error"]  # it never ends
    it.wait_for("listening", within_s=20)
    assert it.pi.guest.attempt("pgrep -f 'sleep 60[12]'")[0] == 1
    seen = it.pi.guest("cat /var/lib/voiced/seen; rm /var/lib/voiced/seen")
    assert "user voiced, nice 10, cores 0-3" in seen
    assert "/voiced-programs.service" in seen
    assert KEY not in seen
    assert seen.count("Permission denied") + seen.count("No such file") == 2
    assert "Read-only file system" in seen
    assert it.pi.guest.attempt("test -e /etc/voiced/mine")[0] == 1
    it.measured(
        "a program that never ends and forks",
        f"ended after {result['at_s'] - asked_s:.1f} s with all it started; {seen.splitlines()[0]}; xruns {it.xruns(cursor)}",
    )
    it.fall_asleep()
    it.write_settings()
    it.pi.guest("rm /srv/feed-the-cat")


def received(it, since_s):
    return {event["type"] for event in it.agent.events("received", since_s)}


def up_since(it):
    return float(it.pi.guest("cut -d' ' -f1 /proc/uptime"))


@pytest.mark.full
def test_an_mcp_server_is_brought_called_killed_and_called_again(installed, tmp_path):
    it, guest = installed, installed.pi.guest
    command = [ROOT / "scripts" / "package", "--mcp", "--for", f"{it.pi.image.suite}-arm64"]
    command += ["--output", tmp_path, "--wheels", it.pi.image.wheels]
    subprocess.run(command, check=True, capture_output=True)
    (wheels,) = tmp_path.glob("wheels-*")
    guest.copy({wheels: "wheels-mcp"}, "/srv")
    guest.write("/srv/cats.py", SERVER)
    scenario = it.folder / "cats.yaml"
    scenario.write_text(CATS)
    it.agent.start("--voice", "espeak", "--scenario", str(scenario))
    before = it.usage()["rss_mib"]
    it.write_settings(it.settings(MCP))
    it.install(source="/srv/wheels-mcp")
    cursor = guest.cursor()
    guest("systemctl restart voiced")
    guest.until(lambda: "mcp.connected: house" in said_by(it, cursor), 60, "the server")
    it.converse()
    it.wait_for("listening", within_s=20)
    assert not called(it)["is_error"]
    guest("pkill -f cats[.]py")
    guest.until(lambda: said_by(it, cursor).count("mcp.connected: house") == 2, 60, "it is back")
    it.wait_for("listening", within_s=20)
    assert not called(it)["is_error"]
    it.fall_asleep()
    it.measured(
        "an MCP server joins, is called, killed, back",
        f"RSS {before:.0f} -> {it.usage()['rss_mib']:.0f} MiB, xruns {it.xruns(cursor)}",
    )
    it.write_settings()
    it.install()
    assert guest.attempt("pgrep -f cats[.]py")[0] == 1


def called(it):
    """Ask something; return what the agent got from the tool that it called."""
    asked_s = time.time()
    it.say("what time is it")
    (result,) = it.pi.guest.until(lambda: results(it, asked_s), 30, "the result")
    return result


def results(it, since_s):
    return [one for one in it.agent.events("received", since_s) if one["type"] == "tool.result"]


def said_by(it, cursor):
    return "\n".join(str(entry["MESSAGE"]) for entry in it.pi.guest.journal(since=cursor))
