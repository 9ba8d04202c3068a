"""Every setting, changed in the middle of a conversation: it counts when its reload class says."""

import asyncio
import logging
import re

import pytest

from tests.ports import free_port
from tests.whole import until
from tests.wire.afar import kiosk
from tests.wire.test_reloader import write_sound
from voiced.config.schema import Settings
from voiced.devices.gpio.buttons_and_leds import GpioButton
from voiced.lib.sections import every_setting

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("pins")]

BASE = """\
button: {pin: 17}
buttons: {volume_up: {pin: 5}, volume_down: {pin: 6}, mute: {pin: 13}}
led: {pin: 25}
kiosk: {listen: '127.0.0.1:PAGE_PORT'}
metrics: {listen: '127.0.0.1:FIGURES_PORT'}
mqtt: {host: 127.0.0.1, port: 1}
remote: {url: 'http://127.0.0.1:9/x'}
"""


def components(it):
    return it.runtime._components


def agent(it):
    return components(it).agent._memory.settings


def policy(it):
    return it.runtime._policy


def dial(it):
    return it.runtime._context.dial._options


def button(pin):
    def look(it):
        found = [each for each in components(it).wake_sources if isinstance(each, GpioButton)]
        return [(each._wiring, None) for each in found if each._wiring.pin == pin or pin is None]

    return look


def light(it):
    (lamp,) = components(it).lights
    return lamp.wiring


def remote(it):
    return it.following.reloader.remote


TABLE = {
    "device.name": ("device: {name: hall}", lambda it: it.following.reloader.device_name),
    "agent.protocol": ("agent: {protocol: workbuddy, url: 'http://127.0.0.1:9/'}", lambda it: type(components(it).agent)),
    "agent.url": ("agent: {url: 'ws://localhost:9/'}", lambda it: agent(it).url),
    "agent.key": ("agent: {key: {file: FOLDER/other-key}}", lambda it: agent(it).key),
    "agent.auth": ("agent: {auth: token}", lambda it: agent(it).auth),
    "agent.token": ("agent: {token: {url: 'http://127.0.0.1:9/token'}}", lambda it: agent(it).token),
    "agent.session": (
        "agent: {session: {output: {voice: Ivy}, system_prompt: You are two.}}",
        lambda it: it.agent.service.sessions[-1].config["system_prompt"],
    ),
    "agent.eager_tools": ("agent: {eager_tools: true}", lambda it: agent(it).eager_tools),
    "audio.echo": ("audio: {echo: half_duplex}", lambda it: policy(it).barge_in),
    "audio.echo_tail_ms": ("audio: {echo_tail_ms: 900}", lambda it: policy(it).echo_tail_s),
    "audio.ducking": ("audio: {ducking: 'off'}", lambda it: policy(it).duck),
    "audio.capture.device": (
        "audio: {capture: {device: 'wav:FOLDER/other.wav'}}",
        lambda it: it.runtime._capture._microphone._path,
    ),
    "audio.capture.channel": ("audio: {capture: {channel: 0}}", lambda it: id(it.runtime._capture._microphone)),
    "audio.capture.gain": ("audio: {capture: {gain: 80}}", lambda it: id(it.runtime._capture._microphone)),
    "audio.capture.period_ms": (
        "audio: {capture: {period_ms: 20}}",
        lambda it: it.runtime._capture._microphone._period_ms,
    ),
    "audio.capture.mute": ("audio: {capture: {mute: close}}", lambda it: it.runtime._sound.mute_shuts),
    "audio.capture.silent_after_s": (
        "audio: {capture: {silent_after_s: 60}}",
        lambda it: it.runtime._sound.silent_after_s == 0 and it.settings.audio.capture.silent_after_s,
    ),
    "audio.playback.device": (
        "audio: {playback: {device: 'wav:FOLDER/other-out.wav'}}",
        lambda it: it.runtime._playback._speaker._path,
    ),
    "audio.playback.volume": ("audio: {playback: {volume: 12}}", lambda it: it.runtime.playout.volume),
    "audio.playback.mixer": ("audio: {playback: {mixer: PCM}}", lambda it: id(it.runtime._playback._speaker)),
    "audio.playback.boost_db": ("audio: {playback: {boost_db: 6}}", lambda it: it.runtime.playout.boost),
    "audio.playback.buffer_s": ("audio: {playback: {buffer_s: 10}}", lambda it: it.runtime.playout.capacity_s),
    "wake.mode": ("wake: {mode: hold_to_talk}\nbutton: {hold: none}", lambda it: policy(it).hold_to_talk),
    "wake.idle_timeout_s": ("wake: {idle_timeout_s: 77}", lambda it: policy(it).idle_timeout_s),
    "button.pin": ("button: {pin: 18}", button(18)),
    "button.press": ("button: {press: hush}", button(17)),
    "button.hold": ("button: {hold: end}", button(17)),
    "button.hold_s": ("button: {hold_s: 3}", button(17)),
    "button.double": ("button: {double: volume_up}", button(17)),
    "button.active": ("button: {active: high}", button(17)),
    "buttons.volume_up.pin": ("buttons: {volume_up: {pin: 19}}", button(19)),
    "buttons.volume_up.active": ("buttons: {volume_up: {active: high}}", button(5)),
    "buttons.volume_down.pin": ("buttons: {volume_down: {pin: 19}}", button(19)),
    "buttons.volume_down.active": ("buttons: {volume_down: {active: high}}", button(6)),
    "buttons.mute.pin": ("buttons: {mute: {pin: 19}}", button(19)),
    "buttons.mute.active": ("buttons: {mute: {active: high}}", button(13)),
    "led.pin": ("led: {pin: 24}", light),
    "led.red": ("led: {pin: null, red: 24, green: 23, blue: 22}", light),
    "led.green": ("led: {pin: null, red: 24, green: 23, blue: 22}", light),
    "led.blue": ("led: {pin: null, red: 24, green: 23, blue: 22}", light),
    "led.active": ("led: {active: low}", light),
    "sounds.earcons": ("sounds: {earcons: true}", lambda it: components(it).cues._earcons),
    "sounds.causes": ("sounds: {causes: true}", lambda it: components(it).cues._prompts),
    "sounds.directory": ("sounds: {directory: FOLDER}", lambda it: components(it).cues._folder),
    "network.resume_window_s": ("network: {resume_window_s: 12}", lambda it: policy(it).resume_window_s),
    "network.replay_s": ("network: {replay_s: 4}", lambda it: it.runtime.uplink.capacity_ms),
    "network.connect_timeout_s": ("network: {connect_timeout_s: 4}", lambda it: dial(it).connect_timeout_s),
    "network.proxy": ("network: {proxy: none}", lambda it: dial(it).proxy),
    "network.ca_file": ("network: {ca_file: FOLDER/other-key}", lambda it: dial(it).ca_file),
    "tools": ("tools: [get_time]", lambda it: len(it.agent.service.sessions[-1].config["tools"])),
    "http_tools": (
        "http_tools: {ask: {description: Ask., url: 'http://127.0.0.1:9/'}}",
        lambda it: len(it.agent.service.sessions[-1].config["tools"]),
    ),
    "command_tools": (
        "command_tools: {run: {description: Run., argv: [/bin/true]}}",
        lambda it: len(it.agent.service.sessions[-1].config["tools"]),
    ),
    "mcp": ("mcp: {home: {command: [/bin/true]}}", lambda it: len(components(it).background)),
    "remote.url": ("remote: {url: 'http://127.0.0.1:9/y'}", lambda it: remote(it).url),
    "remote.interval_s": ("remote: {interval_s: 30}", lambda it: remote(it).interval_s),
    "remote.public_key": ("remote: {public_key: RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3}", lambda it: remote(it).public_key),
    "remote.ca_file": ("remote: {ca_file: FOLDER/other-key}", lambda it: remote(it).ca_file),
    "remote.trial_s": ("remote: {trial_s: 30}", lambda it: remote(it).trial_s),
    "remote.allow": ("remote: {allow: [agent.url]}", lambda it: remote(it).allow),
    "kiosk.listen": ("kiosk: {listen: '127.0.0.1:1'}", lambda it: it.settings.kiosk.listen),
    "kiosk.names": ("kiosk: {names: [here.test]}", lambda it: it.settings.kiosk.names),
    "kiosk.trusted_proxy": ("kiosk: {trusted_proxy: [127.0.0.2]}", lambda it: it.settings.kiosk.trusted_proxy),
    "kiosk.certificate": ("kiosk: {certificate: FOLDER/other-key, key: FOLDER/key}", lambda it: it.settings.kiosk.certificate),
    "kiosk.key": ("kiosk: {certificate: FOLDER/key, key: FOLDER/other-key}", lambda it: it.settings.kiosk.key),
    "kiosk.settings": ("kiosk: {settings: true}", lambda it: it.settings.kiosk.settings),
    "privacy.captions": ("privacy: {captions: nobody}", lambda it: it.following.services.may_read(True)),
    "privacy.transcripts": ("privacy: {transcripts: true}", lambda it: it.following.services.subtitles.keeps),
    "privacy.transcript_lines": ("privacy: {transcript_lines: 7}", lambda it: it.settings.privacy.transcript_lines),
    "metrics.listen": ("metrics: {listen: '127.0.0.1:2'}", lambda it: it.settings.metrics.listen),
    "metrics.names": ("metrics: {names: [here.test], token: {file: FOLDER/other-key}}", lambda it: it.settings.metrics.names),
    "metrics.token": ("metrics: {token: {file: FOLDER/other-key}}", lambda it: it.settings.metrics.token),
    "mqtt.host": ("mqtt: {host: 127.0.0.2}", lambda it: it.settings.mqtt.host),
    "mqtt.port": ("mqtt: {port: 2}", lambda it: it.settings.mqtt.port),
    "mqtt.tls": ("mqtt: {tls: false, ca_file: null}", lambda it: it.settings.mqtt.tls),
    "mqtt.ca_file": ("mqtt: {ca_file: FOLDER/other-key}", lambda it: it.settings.mqtt.ca_file),
    "mqtt.certificate": ("mqtt: {tls: true, certificate: FOLDER/other-key, key: FOLDER/key}", lambda it: it.settings.mqtt.certificate),
    "mqtt.key": ("mqtt: {tls: true, certificate: FOLDER/key, key: FOLDER/other-key}", lambda it: it.settings.mqtt.key),
    "mqtt.username": ("mqtt: {username: two}", lambda it: it.settings.mqtt.username),
    "mqtt.password": ("mqtt: {username: one, password: {file: FOLDER/other-key}}", lambda it: it.settings.mqtt.password),
    "mqtt.prefix": ("mqtt: {prefix: two}", lambda it: it.settings.mqtt.prefix),
    "mqtt.discovery": ("mqtt: {discovery: none}", lambda it: it.settings.mqtt.discovery),
    "mqtt.unmute": ("mqtt: {unmute: true}", lambda it: it.settings.mqtt.unmute),
    "log.level": ("log: {level: error}", lambda _: logging.getLogger().level),
}  # fmt: skip

CLASSES = {".".join(path): setting.reload for path, setting in every_setting(Settings)}
ONE_VALUE_ONLY = {"version"}


def test_the_table_has_every_setting():
    assert set(TABLE) | ONE_VALUE_ONLY == set(CLASSES)


@pytest.mark.parametrize("name", TABLE)
async def test_a_setting_counts_when_its_class_says(tmp_path, name):
    change, probe = TABLE[name]
    write_sound(tmp_path / "in.wav")
    write_sound(tmp_path / "other.wav")
    (tmp_path / "other-key").write_text("other\n")
    async with kiosk(tmp_path) as it:
        it.extras.clear()
        base = it.text().replace("  session: {system_prompt: You are one.}\n", "")
        wav = f"capture: {{device: 'wav:{tmp_path}/in.wav', silent_after_s: 0}}"
        base = base.replace(
            "capture: {silent_after_s: 0}", f"{wav}, playback: {{device: 'wav:{tmp_path}/out.wav'}}"
        )
        ports = {name: str(free_port()) for name in ("PAGE_PORT", "FIGURES_PORT")}
        it.path.write_text(base + re.sub("|".join(ports), lambda name: ports[name[0]], BASE))
        async with it.running():
            await until(lambda: it.status == "asleep")
            await it.converse()
            before, sessions = probe(it), len(it.agent.service.sessions)
            (tmp_path / "conf.d").mkdir()
            (tmp_path / "conf.d" / "1.yaml").write_text(change.replace("FOLDER", str(tmp_path)))
            if CLASSES[name] == "live":
                await until(lambda: probe(it) != before, within_s=1.5)
            else:
                await until(lambda: name in it.following.applier.waiting, within_s=1.5)
                await asyncio.sleep(0.2)
                assert probe(it) == before
            assert it.status == "listening"
            assert len(it.agent.service.sessions) == sessions
            await it.sleep()
            assert it.following.applier.is_settled
            assert probe(it) != before
