"""Settings that come from a server: tried, kept, taken back, and never half there."""

import json
import time

import pytest

from tests.pi.afar import SettingsServer

TRIAL_S = 10


@pytest.fixture
def server(installed):
    it = installed
    it.agent.start("--voice", "espeak", "--fault", "silent-agent")
    it.fall_asleep()
    with SettingsServer(it.folder / "web", it.agent.folder) as server:
        remote = (
            f"remote: {{url: '{server.url}', interval_s: 5, trial_s: {TRIAL_S}, "
            f"public_key: {server.public_key}, ca_file: /etc/voiced/ca.pem}}\n"
        )
        it.write_settings(it.settings(remote))
        yield server
        it.write_settings()
        it.wait_for("asleep")


def kept(it):
    return json.loads(it.pi.guest("cat /var/lib/voiced/settings.json"))


def told(it):
    code, said = it.pi.guest.attempt("voiced reload --remote")
    return code, said


def test_settings_from_a_server_are_tried_and_kept_or_taken_back(installed, server):
    it, pid = installed, installed.pid()
    server.put("revision: 1\naudio: {ducking: 'off'}\nagent: {session: {greeting: Good day}}\n")
    began_s = time.monotonic()
    it.pi.guest.until(lambda: (kept(it)["good"] or {}).get("revision") == 1, 90, "revision 1")
    kept_s = time.monotonic() - began_s
    server.put("revision: 2\naudio: {capture: {device: 'hw:NoSuchCard'}}\n")
    it.pi.guest.until(lambda: kept(it)["failed"], 90, "the bad one taken back")
    assert "microphone" in kept(it)["failed"][0]["reason"]
    it.wait_for("asleep")
    server.put("revision: 3\nagent: {url: 'wss://evil.test/'}\n")
    code, said = told(it)
    assert (code, "only the device's own file" in said) == (78, True)
    server.put("revision: 0\nlog: {level: debug}\n")
    assert "older than 2" in told(it)[1]
    (server._folder / "kitchen.yaml").write_text("revision: 9\nlog: {level: debug}\n")
    assert "not signed with the key" in told(it)[1]
    assert it.pid() == pid
    usage = it.usage()
    it.measured(
        "settings from a server",
        f"kept {kept_s:.0f} s after they were there (trial {TRIAL_S} s); a missing card taken back; foreign, "
        f"older and unsigned ones refused; RSS {usage['rss_mib']:.1f} MiB, descriptors {usage['files']:.0f}",
    )


@pytest.mark.full
def test_the_power_may_go_while_settings_from_a_server_are_tried(installed, server):
    it, states = installed, []
    for trial in range(8):
        server.put(f"revision: {trial + 1}\naudio: {{playback: {{volume: {30 + trial}}}}}\n")
        it.pi.guest.attempt("voiced reload --remote")
        time.sleep(0.1 + trial * 1.9)
        it.pi.reboot_by_power_cut()
        it.wait_for("asleep", within_s=60)
        record = kept(it)
        sent = record["trial"] or record["good"]
        assert sent is None or sent["text"].startswith(f"revision: {sent['revision']}\n")
        states.append("trial" if record["trial"] else "kept" if record["good"] else "none")
    it.measured("power cut while settings are tried x8", f"always whole: {', '.join(states)}")
