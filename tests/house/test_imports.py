"""What the settings do not ask for is not there: not in memory, not on the network."""

import os
import subprocess
import sys
import wave

import pytest

from tests.ports import free_port

PROGRAM = """
import signal, sys, threading, time
from pathlib import Path
from voiced.service.run import run

folder = Path(sys.argv[1])

def stop_once_all_is_there():
    while not (folder / "control.sock").exists():
        time.sleep(0.05)
    before = 0
    while before < (now := len(sys.modules)):
        before = now
        time.sleep(1)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)

threading.Thread(target=stop_once_all_is_there, daemon=True).start()
code = run(folder / "voiced.yaml", None, None)
print(*sorted(name for name in sys.modules if "." not in name or name.startswith("voiced.")))
sys.exit(code)
"""

SETTINGS = """\
agent: {url: 'ws://127.0.0.1:9'}
audio: {capture: {device: 'wav:IN'}, playback: {device: 'wav:OUT'}}
sounds: {earcons: false, causes: false}
"""

NO_TOOLS = "tools: []\n"

PARTS = {
    "timers": (
        "tools: [set_timer]\n",
        {"voiced.tools.builtin.timers", "voiced.alarms.clock", "voiced.alarms.wording"},
    ),
    "kiosk": ("kiosk: {listen: '127.0.0.1:PORT'}\n", {"aiohttp", "voiced.api.kiosk"}),
    "metrics": (
        "metrics: {listen: '127.0.0.1:PORT'}\n",
        {"aiohttp", "prometheus_client", "voiced.api.health", "voiced.api.metrics"},
    ),
    "mqtt": (
        "mqtt: {host: 127.0.0.1, port: 1}\n",
        {
            "aiomqtt",
            "paho",
            "voiced.api.mqtt",
            "voiced.api.mqtt_payloads",
            "voiced.api.home_assistant",
        },
    ),
    "pins": (
        "led: {pin: 25}\nbutton: {pin: 17}\n",
        {"colorzero", "gpiod", "gpiozero", "voiced.devices.gpio.libgpiod"},
    ),
    "http tools": (
        "http_tools: {look: {description: d, parameters: {type: object}, url: 'https://127.0.0.1/'}}\n",
        {"jsonschema", "voiced.tools.declared.validation", "voiced.tools.declared.http"},
    ),
    "mcp": (
        "mcp: {home: {url: 'http://127.0.0.1:9/mcp'}}\n",
        {
            "anyio",
            "httpx2",
            "jsonschema",
            "mcp",
            "mcp_types",
            "pydantic",
            "voiced.tools.declared.validation",
        }
        | {"voiced.tools.mcp", "voiced.tools.mcp.client"},
    ),
    "command tools": (
        "command_tools: {look: {description: d, parameters: {type: object}, argv: [/bin/true]}}\n",
        {"jsonschema", "voiced.tools.declared.validation", "voiced.tools.declared.command"},
    ),
    "patterns": (
        "command_tools: {look: {description: d, argv: [/bin/true], parameters: "
        "{properties: {a: {type: string, pattern: '^a$'}}}}}\n",
        {"jsonschema", "re2", "voiced.tools.declared.validation", "voiced.tools.declared.command"},
    ),
}


def imported(folder, more):
    with wave.open(str(folder / "in.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(64_000))
    text = SETTINGS.replace("IN", str(folder / "in.wav")).replace("OUT", str(folder / "out.wav"))
    more = more.replace("PORT", str(free_port()))
    (folder / "voiced.yaml").write_text(text + more + ("" if "tools: [" in more else NO_TOOLS))
    places = {"STATE_DIRECTORY": str(folder), "RUNTIME_DIRECTORY": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env=os.environ | places,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_what_was_set_rings_though_the_settings_ask_for_no_timers_any_more(tmp_path):
    (tmp_path / "alarms.json").write_text("[]")
    assert "voiced.alarms.clock" in imported(tmp_path, "")


@pytest.mark.parametrize("asked_for", [None, *PARTS])
def test_a_part_is_imported_only_if_the_settings_ask_for_it(tmp_path, asked_for):
    more, needed = PARTS.get(asked_for, ("", set()))
    found = imported(tmp_path, more)
    assert needed <= found
    foreign = set().union(*(names for _, names in PARTS.values())) - needed
    assert not foreign & found
