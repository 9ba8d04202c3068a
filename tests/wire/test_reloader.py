"""Settings that change while the daemon runs: from its own files, and from afar."""

import asyncio
import time

import numpy as np
import pytest

from tests.whole import until
from tests.wire.afar import REMOTE, assert_the_ramp_has_no_gap, kiosk
from voiced.core.events import EndRequested, Woken

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("pins")]

PROMPT = {"You are one.": "You are two."}


async def test_a_prompt_changed_in_a_conversation_reaches_the_agent_within_a_second(tmp_path):
    async with kiosk(tmp_path) as it, it.running():
        await it.converse()
        sessions = len(it.agent.service.sessions)
        it.write(instead=PROMPT)
        began_s = time.monotonic()
        config = it.agent.service.sessions[-1].config
        await until(lambda: it.agent.service.sessions[-1].config is not config)
        assert time.monotonic() - began_s < 1
        assert it.agent.service.sessions[-1].config["system_prompt"] == "You are two."
        assert len(it.agent.service.sessions) == sessions
        assert it.status == "listening"


async def test_what_counts_in_the_next_conversation_waits_for_it(tmp_path):
    async with kiosk(tmp_path) as it, it.running():
        await it.converse()
        it.write("network: {{resume_window_s: 7, replay_s: 5}}\n", instead=PROMPT)
        await until(lambda: it.settings.agent.session["system_prompt"] == "You are two.")
        assert it.settings.network.resume_window_s == 25
        assert it.following.applier.waiting == ["network.resume_window_s", "network.replay_s"]
        await it.sleep()
        assert it.settings.network.resume_window_s == 7


async def test_a_device_that_never_sleeps_takes_them_in_a_quiet_moment(tmp_path):
    async with kiosk(tmp_path) as it:
        it.write("wake: {{mode: always}}\n")
        async with it.running():
            await until(lambda: it.status == "listening")
            it.write("wake: {{mode: always}}\nnetwork: {{resume_window_s: 7, replay_s: 5}}\n")
            await until(lambda: it.settings.network.resume_window_s == 7, within_s=15)
            await until(lambda: it.status == "listening")
            assert len(it.agent.service.sessions) == 2


@pytest.mark.parametrize("broken", ["nonsense: 1\n", "log: {{level: loud}}\n", "x: [\n"])
async def test_what_cannot_be_used_changes_nothing_and_is_shown(tmp_path, caplog, broken):
    async with kiosk(tmp_path) as it, it.running():
        before = it.settings
        it.write(broken)
        await until(lambda: it.status == "configuration-error")
        assert it.settings is before
        lines = [each.message for each in caplog.records if "stay" in each.message]
        assert len(lines) == 1
        await it.converse()
        it.wake.emit(EndRequested())
        await until(lambda: it.status == "configuration-error")
        it.write()
        await until(lambda: it.status == "asleep")


async def test_after_a_start_with_a_broken_file_the_last_good_one_counts(tmp_path):
    async with kiosk(tmp_path) as it:
        it.write("log: {{level: warning}}\n")
        async with it.running():
            await until(lambda: it.record.local)
        it.write("nonsense: 1\n")
        async with it.running():
            assert it.settings.log.level == "warning"
            await until(lambda: it.status == "configuration-error")
            it.path.unlink()
            await asyncio.sleep(0.5)
            it.write("log: {{level: error}}\n")
            await until(lambda: it.settings.log.level == "error")
            await until(lambda: it.status == "asleep")


async def test_drop_ins_come_and_go(tmp_path):
    async with kiosk(tmp_path) as it, it.running():
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "10.yaml").write_text("audio: {playback: {volume: 11}}\n")
        await until(lambda: it.runtime.volume == 11)
        (tmp_path / "conf.d" / "20.yaml").write_text("audio: {playback: {volume: 22}}\n")
        await until(lambda: it.runtime.volume == 22)
        (tmp_path / "conf.d" / "20.yaml").unlink()
        await until(lambda: it.runtime.volume == 11)


async def test_settings_from_a_server_are_tried_and_kept(tmp_path):
    async with kiosk(tmp_path, REMOTE) as it:
        it.server.put("revision: 1\naudio: {playback: {volume: 33}}\n")
        async with it.running():
            await until(lambda: it.runtime.volume == 33)
            assert it.record.trial is not None
            await until(lambda: it.record.good is not None, within_s=12)
            assert it.record.good.revision == 1
            asked = len(it.server.asked)
            await until(lambda: len(it.server.asked) > asked)
        async with it.running():
            assert it.settings.audio.playback.volume == 33


async def test_a_card_that_is_not_there_is_taken_back_and_not_tried_again(tmp_path, caplog):
    async with kiosk(tmp_path, REMOTE) as it:
        write_sound(tmp_path / "in.wav")
        local = (
            f"audio: {{{{capture: {{{{device: 'wav:{tmp_path}/in.wav', silent_after_s: 0}}}}}}}}\n"
        )
        it.write(REMOTE, instead={"audio: {capture: {silent_after_s: 0}}\n": local.format()})
        del it.extras["microphone"]
        it.server.put("revision: 1\naudio: {capture: {device: 'hw:NoSuchCard'}}\n")
        async with it.running():
            await until(lambda: it.record.failed, within_s=15)
            assert it.record.failed[0].reason == "the microphone does not work with it"
            await until(lambda: it.runtime.conversation.microphone is None)
            assert it.settings.audio.capture.device == f"wav:{tmp_path}/in.wav"
            n_asked = len(it.server.asked)
            await until(lambda: len(it.server.asked) > n_asked, within_s=10)
            assert it.record.trial is None
            it.server.put("revision: 2\naudio: {playback: {volume: 44}}\n")
            assert (
                "not tried yet, because the last trial failed"
                in (await it.following.remote.ask()).error
            )
            it.following.reloader.may_try()
            assert (await it.following.remote.ask()).error == ""
            await until(lambda: it.runtime.volume == 44, within_s=10)
            await asyncio.sleep(0.2)  # it asks itself how it is


@pytest.mark.parametrize("when", ["in a conversation", "before one"])
async def test_a_prompt_that_the_agent_refuses_is_taken_back(tmp_path, when):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.agent.service.settings.faults.add("refuse-prompt=forbidden")
        if when == "in a conversation":
            await it.converse()
        it.server.put("revision: 1\nagent: {session: {system_prompt: Say forbidden things.}}\n")
        await until(lambda: it.record.trial is not None or it.record.failed, within_s=10)
        if when == "before one":
            it.wake.emit(Woken("test"))
        await until(lambda: it.record.failed, within_s=10)
        assert it.record.failed[0].reason == "the agent refuses it"
        await until(lambda: it.status == "listening", within_s=10)
        assert it.settings.agent.session["system_prompt"] == "You are one."


@pytest.mark.parametrize("network", ["there", "gone"])
async def test_an_agent_out_of_reach_is_the_fault_of_the_settings_only_with_a_network(
    tmp_path, network
):
    allowing = REMOTE.replace("trial_s: 5", "trial_s: 6, allow: [agent.url]")
    async with kiosk(tmp_path, allowing) as it, it.running():
        nowhere = "ws://127.0.0.1:9/v1/ws"
        it.server.put(f"revision: 1\nagent: {{url: '{nowhere}'}}\n")
        await until(lambda: it.settings.agent.url == nowhere, within_s=10)
        if network == "gone":
            it.server.files.clear()
        it.wake.emit(Woken("test"))
        await until(lambda: it.record.trial is None, within_s=20)
        if network == "gone":
            assert it.settings.agent.url == nowhere
            return
        assert it.record.failed[0].reason == "the agent cannot be reached with it"
        await until(lambda: it.status == "listening", within_s=10)


def write_sound(path):
    import wave

    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 16_000 * 120)


async def test_not_a_frame_of_sound_is_lost_while_the_prompt_changes(tmp_path):
    async with kiosk(tmp_path, keep_heard=True) as it, it.running():
        await it.converse()
        ramp = np.linspace(0, 30_000, 3 * 16_000).astype("<i2")
        it.microphone.say(ramp.tobytes())
        await asyncio.sleep(1)
        session = it.agent.service.sessions[-1]
        for n in range(5):
            it.write(instead={"You are one.": f"You are number {n}."})
            await until(lambda n=n: session.config["system_prompt"] == f"You are number {n}.")
        await asyncio.sleep(2.5)
        assert_the_ramp_has_no_gap(session, 3)


async def test_a_new_key_counts_and_a_missing_one_changes_nothing(tmp_path):
    async with kiosk(tmp_path) as it, it.running():
        (tmp_path / "key").unlink()
        await until(lambda: it.status == "configuration-error")
        await it.converse()
        it.wake.emit(EndRequested())
        await until(lambda: it.status == "configuration-error")
        (tmp_path / "key").write_text("a-new-one\n")
        (tmp_path / "key").chmod(0o600)
        await until(lambda: it.status == "asleep")
        await it.converse()
        assert it.agent.service.sessions[-1].visitor.owner == "a-new-one"


async def test_who_stops_asking_a_server_forgets_what_it_tried(tmp_path):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.server.put("revision: 1\naudio: {playback: {volume: 33}}\n")
        await until(lambda: it.record.trial is not None)
        it.write()
        await until(lambda: it.runtime.volume == 70)
        await until(lambda: it.record.trial is None)
        assert it.record.failed == ()


async def test_the_same_settings_under_another_tag_are_not_tried_again(tmp_path, caplog):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        content = "revision: 1\naudio: {playback: {volume: 33}}\n"
        it.server.put(content)
        await until(lambda: it.record.good is not None, within_s=15)
        head = f"HTTP/1.1 200 OK\r\nETag: other\r\nContent-Length: {len(content)}\r\n\r\n"
        it.server.put(head + content)
        assert (await it.following.remote.ask()).error == ""
        assert it.record.trial is None
        assert sum("is tried" in line.message for line in caplog.records) == 1


async def test_a_local_change_that_what_was_sent_does_not_fit_counts_alone(tmp_path, caplog):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.server.put("revision: 1\nnetwork: {replay_s: 20}\n")
        await until(lambda: it.record.good is not None, within_s=15)
        it.write(REMOTE, "network: {{resume_window_s: 12}}\n")
        await until(lambda: it.settings.network.resume_window_s == 12)
        assert it.settings.network.replay_s == 10
        assert "what the server sent is not used" in caplog.text


async def test_what_is_taken_back_while_the_key_is_away_is_taken_back_when_it_is_there(tmp_path):
    async with kiosk(tmp_path, REMOTE) as it, it.running():
        it.agent.service.settings.faults.add("refuse-prompt=forbidden")
        await it.converse()
        session = it.agent.service.sessions[-1]
        it.server.put("revision: 1\nagent: {session: {system_prompt: Say forbidden things.}}\n")
        await until(lambda: it.settings.agent.session["system_prompt"] != "You are one.")
        (tmp_path / "key").unlink()
        await until(lambda: it.record.failed, within_s=10)
        await until(lambda: "key} does not exist" in it.following.reloader.complaint)
        await asyncio.sleep(1.2)
        assert it.runtime.guard.failures == {}
        assert not session.ended
        (tmp_path / "key").write_text("k\n")
        (tmp_path / "key").chmod(0o600)
        await until(lambda: it.settings.agent.session["system_prompt"] == "You are one.")
        await until(lambda: it.following.reloader.complaint == "")
        await until(lambda: it.status == "listening")
